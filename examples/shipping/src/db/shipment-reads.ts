import type { ShipmentReads, ShipmentView } from '../usecases/ports.ts';
import type { Prisma } from './prisma.ts';

export function createShipmentReads(prisma: Prisma): ShipmentReads {
  return {
    async find(userId, orderId) {
      const row = await (await prisma()).shipment.findFirst({ where: { orderId, userId, status: { not: 'VOID' } } });
      if (!row) return undefined;
      const status = row.status as ShipmentView['status'];
      return { orderId, status, pieces: row.pieces, requestedAt: row.createdAt.toISOString() };
    },
  };
}
