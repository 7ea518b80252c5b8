"""The words of generated passwords: 256, so 8 bits each; short, common, and hard to mishear."""

from __future__ import annotations

WORDS = tuple(
    """
    acorn alder amber anchor apple apron arrow aspen atlas autumn badge bamboo banjo barley basil basin beach
    beacon beaver bench berry birch bison blanket blossom bobbin bonfire bottle branch brass bread breeze brick
    bridge bronze brook brush bucket buffalo bugle butter cabin cactus camel canal candle canoe canyon carpet
    carrot castle cedar cello chalk cherry chess cider cinema clay cliff clock clover cobalt coffee comet compass
    copper coral cotton cradle crane crayon cricket crown crystal cypress dahlia daisy dapple desert diary dolphin
    domino donkey dragon drum dune eagle easel echo elbow elder ember engine fabric falcon feather fennel ferry
    fiddle finch flag flame flint flute forest fossil fountain fox frost galaxy garden garlic geyser ginger
    glacier glove goblet goose granite grape gravel guitar gull hammer hamper harbor harp hazel hedge heron
    hickory hive honey horizon hornet iceberg indigo island ivory jacket jasmine jigsaw juniper kayak kettle kite
    kiwi ladder lagoon lantern larch laurel lava lemon lentil lilac linen lizard llama lobster locket lotus lumber
    magnet mango maple marble meadow melon meteor mint mirror mitten moss muffin mural museum nectar needle nettle
    nickel nutmeg oasis oboe ocean olive onyx opal orbit orchid osprey otter oyster paddle panda papaya parade
    parrot pasta pebble pecan pelican pepper piano pigeon pillow pine pirate planet plaza plum pocket pony poplar
    prairie prism puffin pumice puzzle quartz quill quilt rabbit radish raft rain raven reef ribbon river robin
    rocket rope rose ruby saddle saffron sail salmon sandal saturn scarf silver sparrow spruce teapot thimble
    tulip turtle velvet violet walnut willow zebra zipper
    """.split()  # noqa: SIM905  # as a list it would be 256 lines
)
