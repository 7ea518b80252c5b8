// nodemailer with a pool, as its documentation sends in bulk; told and measured like workers/timing.py does it.
const fs = require("fs");
const [home, content, seconds, port, connections] = process.argv.slice(2);
const nodemailer = require(home);
const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(port),
  secure: false,
  ignoreTLS: true,
  name: "localhost",
  pool: true,
  maxConnections: Number(connections),
  maxMessages: Infinity,
});
const raw = Buffer.from(content, "base64");
const envelope = { from: "ann@example.com", to: ["bob@example.net"] };

async function several(goesOn) {
  let count = 0;
  const one = async () => {
    while (goesOn()) {
      await transport.sendMail({ envelope, raw });
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: 2 * Number(connections) }, one)); // so that none of them waits for us
  return count;
}

async function main() {
  let warm = 20 * Number(connections);
  await several(() => warm-- > 0);
  process.stdout.write("warm\n");
  if (fs.readSync(0, Buffer.alloc(16)) === 0) process.exit(1);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const end = start + BigInt(Math.round(Number(seconds) * 1e9));
  const count = await several(() => process.hrtime.bigint() < end);
  const used = process.cpuUsage(cpu);
  const taken = Number(process.hrtime.bigint() - start) / 1e9;
  process.stdout.write(JSON.stringify({ count, seconds: taken, cpu: (used.user + used.system) / 1e6 }) + "\n");
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(String(error.stack) + "\n");
  process.exit(1);
});
