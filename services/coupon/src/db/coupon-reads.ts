import type { SqlExecutor } from '@shop/chassis';
import type { LazyPrisma } from '@shop/chassis/prisma';
import { type Coupon, type CouponStatus, shownStatus } from '../domain/coupon.ts';
import type { CouponReads, RequestState, ShownCoupon } from '../usecases/ports.ts';
import { type RowOf, selectDiscount, withDiscount } from './discount-columns.ts';
import type { PrismaClient } from './generated/client.ts';

export function createCouponReads(prisma: LazyPrisma<PrismaClient>, sql: SqlExecutor): CouponReads {
  return {
    async listPolicies({ after, take }) {
      const rows = await (await prisma()).couponPolicy.findMany({
        where: after === undefined ? {} : { couponPolicyId: { gt: after } },
        orderBy: { couponPolicyId: 'asc' },
        take,
      });
      return rows.map(withDiscount).map((row) => ({
        couponPolicyId: Number(row.couponPolicyId),
        name: row.name,
        discount: row.discount,
        totalQuantity: row.totalQuantity,
        // Nobody gets those that are left of an ended policy.
        remaining: row.endedAt ? 0 : row.totalQuantity - row.issuedCount,
        validDays: row.validDays,
        startsAt: row.startsAt,
        endsAt: row.endsAt,
        endedAt: row.endedAt,
      }));
    },

    async listCoupons(wishes) {
      const parts = wishes.map(({ before, status }, part) => {
        const beforeThis = before ? 'AND c.coupon_id < ?' : '';
        return `(SELECT ${part} AS part, ${SHOWN} WHERE c.user_id = ? ${beforeThis} ${whereOf(status)} ORDER BY c.coupon_id DESC LIMIT ?)`;
      });
      const params = wishes.flatMap(({ userId, before, status, take, now }) => [
        userId,
        ...(before ? [before] : []),
        // The time of an unused coupon tells whether it is EXPIRED, whatever its row says: `shownStatus`.
        ...(whereOf(status).includes('?') ? [now] : []),
        take,
      ]);
      const rows = await sql.query<RowOf<CouponRow>>(parts.join(' UNION ALL '), params);
      const byPart = Map.groupBy(rows, ({ part }) => part);
      // A union keeps the rows of each page, but not their order.
      return wishes.map(({ now }, part) =>
        (byPart.get(part) ?? []).sort(newestFirst).map((row) => shown(withDiscount(row), now)),
      );
    },

    async findRequest(userId, requestId) {
      const [row] = await sql.query<RowOf<Coupon> & { state: RequestState['status'] }>(
        `SELECT r.status AS state, c.coupon_id AS couponId, c.coupon_policy_id AS couponPolicyId, c.user_id AS userId,
                ${selectDiscount('c')}, c.status, c.issued_at AS issuedAt, c.expires_at AS expiresAt
           FROM coupon_requests r LEFT JOIN coupons c ON c.coupon_id = r.coupon_id
          WHERE r.request_id = ? AND r.user_id = ?`,
        [requestId, userId],
      );
      if (!row) return undefined;
      const { state, ...coupon } = row;
      return { status: state, ...(coupon.couponId ? { coupon: withDiscount(coupon) } : {}) };
    },
  };
}

const SHOWN = `c.coupon_id AS couponId, c.coupon_policy_id AS couponPolicyId, p.name, ${selectDiscount('c')},
                c.status, c.issued_at AS issuedAt, c.used_at AS usedAt, c.expires_at AS expiresAt
           FROM coupons c JOIN coupon_policies p ON p.coupon_policy_id = c.coupon_policy_id`;

type CouponRow = Omit<ShownCoupon, 'issuedAt' | 'usedAt' | 'expiresAt'> & {
  /** The page a row belongs to, as the position of its wish. */
  readonly part: number;
  readonly issuedAt: Date;
  readonly usedAt: Date | null;
  readonly expiresAt: Date;
};

const STATUS: Readonly<Record<CouponStatus, string>> = {
  ISSUED: `AND c.status IN ('ISSUED', 'EXPIRED') AND c.expires_at > ?`,
  USED: `AND c.status = 'USED'`,
  EXPIRED: `AND c.status IN ('ISSUED', 'EXPIRED') AND c.expires_at <= ?`,
  REVOKED: `AND c.status = 'REVOKED'`,
};

function whereOf(status: CouponStatus | undefined): string {
  return status ? STATUS[status] : '';
}

function newestFirst(a: Pick<CouponRow, 'couponId'>, b: Pick<CouponRow, 'couponId'>): number {
  return a.couponId < b.couponId ? 1 : -1;
}

function shown({ part: _part, usedAt, issuedAt, expiresAt, ...row }: CouponRow, now: Date): ShownCoupon {
  return {
    ...row,
    status: shownStatus({ status: row.status, expiresAt }, now),
    issuedAt: issuedAt.toISOString(),
    ...(usedAt ? { usedAt: usedAt.toISOString() } : {}),
    expiresAt: expiresAt.toISOString(),
  };
}
