import type { Product } from '../usecases/change-products.ts';
import type { PrismaClient } from './prisma.ts';

const SHOWN = { productId: true, name: true, price: true, available: true } as const;

/** The reads of products. */
export interface ProductReads {
  find(productId: number): Promise<Product | undefined>;
  /** By product id, only those after `after`. */
  list(page: { after: number | undefined; take: number }): Promise<Product[]>;
}

export function createProductReads(prisma: PrismaClient): ProductReads {
  return {
    async find(productId) {
      const row = await prisma.product.findUnique({ where: { productId }, select: SHOWN });
      return row ? toProduct(row) : undefined;
    },
    async list({ after, take }) {
      const rows = await prisma.product.findMany({
        where: after === undefined ? {} : { productId: { gt: after } },
        orderBy: { productId: 'asc' },
        select: SHOWN,
        take,
      });
      return rows.map(toProduct);
    },
  };
}

function toProduct(row: { productId: bigint; name: string; price: bigint; available: bigint }): Product {
  return {
    productId: Number(row.productId),
    name: row.name,
    price: Number(row.price),
    stockQuantity: Number(row.available),
  };
}
