import { shownText } from '@shop/chassis';
import { z } from 'zod';

const name = shownText(200).describe('what users see; one line, without control characters');
// Fifty lines of a thousand pieces at this price still add up exactly.
const price = z.number().int().min(0).max(1_000_000_000).describe('of one piece, won');
const pieces = z.number().int().max(1_000_000_000);

export const newProductBody = z.strictObject({
  name,
  price,
  stockQuantity: pieces.min(0).describe('pieces there are'),
});

export const productPatchBody = z
  .strictObject({
    name: name.optional(),
    price: price.optional(),
    restock: pieces.min(1).optional().describe('pieces that are added to what there is'),
    takeBack: pieces
      .min(1)
      .optional()
      .describe('pieces that are taken from those available, e.g. to correct a restock; not together with `restock`'),
    onSale: z
      .boolean()
      .optional()
      .describe(
        'false withdraws it from sale: it takes no further orders, and those in line are refused; true undoes it',
      ),
  })
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'expected something to change')
  .refine((patch) => patch.restock === undefined || patch.takeBack === undefined, 'expected restock or takeBack')
  .meta({ minProperties: 1 });

/** The query of one product: there is none. Each spelling of a URL would have a copy of its own. */
export const productQuery = z.strictObject({});

export const productParams = z.object({
  id: z
    .string()
    .regex(/^\d{1,15}$/, 'expected a product id')
    .transform(Number)
    .meta({ type: 'integer', minimum: 0, maximum: 999_999_999_999_999, description: 'the product', examples: [1] }),
});
