// nodemailer, as its documentation uses it: createTransport and sendMail.
const fs = require("fs");
const nodemailer = require(process.argv[2]);
const task = JSON.parse(fs.readFileSync(0));
let log = "";
const note = (...words) => { log += words.map((word) => (typeof word === "string" ? word : JSON.stringify(word))).join(" ") + "\n"; };
const logger = { level() {}, trace: note, debug: note, info: note, warn: note, error: note, fatal: note };
const transport = nodemailer.createTransport({
  host: task.host,
  port: task.port,
  secure: false,
  name: "client.test",
  auth: { user: task.user, pass: task.password },
  tls: { ca: fs.readFileSync(task.ca) },
  connectionTimeout: task.timeout * 1000,
  greetingTimeout: task.timeout * 1000,
  socketTimeout: task.timeout * 1000,
  logger: task.debug ? logger : false,
  debug: task.debug,
});
transport
  .sendMail({ envelope: { from: task.sender, to: task.recipients }, raw: Buffer.from(task.content, "base64") })
  .then((info) => ({ outcome: "sent", refused: info.rejected || [] }))
  .catch((error) => ({ outcome: "error", error: error.code || error.name, message: String(error.message) }))
  .then((answer) => { process.stdout.write(JSON.stringify({ ...answer, log })); process.exit(0); });
