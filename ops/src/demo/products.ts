/** A product to create. Price in won. */
export interface DemoProduct {
  readonly name: string;
  readonly price: number;
  readonly stockQuantity: number;
}

/** Enough for any load test. */
const PLENTY = 1_000_000;

const SHELVES: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  Kitchen: [
    ['Cast-iron pan 26 cm', 39_000],
    ['Chef’s knife', 45_000],
    ['Bamboo cutting board', 12_000],
    ['Stainless kettle', 28_000],
    ['Pour-over dripper', 9_500],
    ['Mixing bowls, set of three', 17_000],
    ['Silicone spatula', 4_500],
    ['Kitchen scale', 15_900],
    ['Rice cooker, small', 59_000],
    ['Measuring cup', 3_200],
  ],
  Desk: [
    ['Mechanical keyboard', 89_000],
    ['Wireless mouse', 24_900],
    ['Desk lamp', 32_000],
    ['Monitor arm', 54_000],
    ['Notebook, dotted', 6_800],
    ['Gel pens, ten', 7_900],
    ['Cable clips', 2_900],
    ['Laptop stand', 27_500],
    ['Desk mat', 14_900],
    ['Webcam cover', 1_900],
  ],
  Audio: [
    ['Earphones, wired', 12_900],
    ['Earbuds, wireless', 69_000],
    ['Headphones', 99_000],
    ['Bluetooth speaker', 49_000],
    ['Turntable cleaning brush', 8_900],
    ['Audio cable 2 m', 6_500],
    ['Microphone', 75_000],
    ['Microphone stand', 21_000],
    ['Headphone hook', 5_900],
    ['Ear tips, six pairs', 4_900],
  ],
  Outdoor: [
    ['Water bottle 750 ml', 13_500],
    ['Head torch', 18_900],
    ['Picnic blanket', 22_000],
    ['Folding chair', 34_000],
    ['Day pack 18 l', 42_000],
    ['Trekking socks', 8_500],
    ['Rain poncho', 9_900],
    ['Camping mug', 7_500],
    ['Carabiners, four', 5_200],
    ['Compass', 11_000],
  ],
  Bath: [
    ['Bath towel', 14_000],
    ['Hand soap', 4_200],
    ['Shampoo bar', 7_800],
    ['Toothbrushes, four', 5_600],
    ['Bath mat', 16_500],
    ['Shower curtain', 19_000],
    ['Cotton pads', 2_400],
    ['Soap dish', 6_200],
    ['Bathrobe', 38_000],
    ['Hair dryer', 47_000],
  ],
  Garden: [
    ['Watering can', 15_500],
    ['Pruning shears', 19_800],
    ['Potting soil 10 l', 8_200],
    ['Terracotta pot', 6_900],
    ['Basil seeds', 1_800],
    ['Tomato seeds', 2_100],
    ['Garden gloves', 5_400],
    ['Plant labels, fifty', 3_300],
    ['Hand trowel', 9_200],
    ['Spray bottle', 4_400],
  ],
  Games: [
    ['Playing cards', 3_900],
    ['Chess set', 29_000],
    ['Jigsaw puzzle, 1,000 pieces', 18_500],
    ['Dice, seven', 6_600],
    ['Board game, two players', 33_000],
    ['Yo-yo', 7_200],
    ['Kite', 16_000],
    ['Marbles', 2_700],
    ['Table tennis bats', 21_500],
    ['Frisbee', 9_800],
  ],
  Pantry: [
    ['Coffee beans 500 g', 16_800],
    ['Green tea, fifty bags', 7_400],
    ['Olive oil 500 ml', 13_800],
    ['Sea salt', 2_600],
    ['Honey 350 g', 11_500],
    ['Spaghetti 1 kg', 3_700],
    ['Dark chocolate', 4_100],
    ['Peanut butter', 6_300],
    ['Dried mango', 5_800],
    ['Seaweed snack', 1_500],
  ],
  Clothing: [
    ['T-shirt, white', 12_000],
    ['T-shirt, black', 12_000],
    ['Hooded sweatshirt', 39_500],
    ['Wool scarf', 24_000],
    ['Knitted hat', 15_000],
    ['Canvas belt', 11_800],
    ['Socks, five pairs', 9_000],
    ['Apron', 17_800],
    ['Umbrella', 19_500],
    ['Tote bag', 8_000],
  ],
};

/** The last ten are scarce, to show how products sell out. */
const SCARCE: readonly DemoProduct[] = [
  { name: 'Anniversary mug, numbered', price: 25_000, stockQuantity: 1_000 },
  { name: 'Signed poster', price: 30_000, stockQuantity: 500 },
  { name: 'Vinyl record, first pressing', price: 48_000, stockQuantity: 300 },
  { name: 'Hand-made bowl', price: 52_000, stockQuantity: 200 },
  { name: 'Leather wallet, limited', price: 69_000, stockQuantity: 100 },
  { name: 'Film camera, restored', price: 240_000, stockQuantity: 50 },
  { name: 'Fountain pen, limited', price: 180_000, stockQuantity: 50 },
  { name: 'Wrist watch, last batch', price: 320_000, stockQuantity: 20 },
  { name: 'Concert ticket, front row', price: 150_000, stockQuantity: 10 },
  { name: 'The only one', price: 1_000, stockQuantity: 1 },
];

/** 100 products, always the same, in this order. */
export const DEMO_PRODUCTS: readonly DemoProduct[] = [
  ...Object.values(SHELVES).flatMap((shelf) => shelf.map(([name, price]) => ({ name, price, stockQuantity: PLENTY }))),
  ...SCARCE,
];
