import type { LazyPrisma } from '@shop/chassis/prisma';
import type { ShipmentReads, ShipmentView } from '../usecases/ports.ts';
import type { PrismaClient } from './generated/client.ts';

export function createShipmentReads(prisma: LazyPrisma<PrismaClient>): ShipmentReads {
  return {
    async find(userId, orderId) {
      const row = await (await prisma()).shipment.findFirst({ where: { orderId, userId, status: { not: 'VOID' } } });
      if (!row) return undefined;
      const status = row.status as ShipmentView['status'];
      return { orderId, status, pieces: row.pieces, requestedAt: row.createdAt.toISOString() };
    },
  };
}
