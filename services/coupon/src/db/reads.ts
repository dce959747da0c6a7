import type { SqlExecutor } from '@shop/service';
import { type Coupon, type CouponStatus, shownStatus } from '../domain/coupon.ts';
import type { ShownPolicy } from '../usecases/create-policy.ts';
import type { Prisma } from './prisma.ts';

/** A coupon as its owner sees it; times in ISO 8601, UTC. */
export interface ShownCoupon {
  readonly couponId: string;
  readonly couponPolicyId: number;
  readonly name: string;
  readonly discountAmount: number;
  readonly status: CouponStatus;
  readonly issuedAt: string;
  readonly usedAt?: string;
  readonly expiresAt: string;
}

export interface RequestState {
  readonly status: 'PENDING' | 'ISSUED' | 'SOLD_OUT';
  readonly coupon?: Coupon;
}

/** A page of a user's own coupons, newest first, only those before `before`; `status` as it is shown at `now`. */
export interface CouponsWish {
  readonly userId: number;
  readonly before: string | undefined;
  readonly status: CouponStatus | undefined;
  readonly take: number;
  readonly now: Date;
}

export interface CouponReads {
  /** By id, only those after `after`. */
  listPolicies(page: { after: number | undefined; take: number }): Promise<ShownPolicy[]>;
  /** The pages of everybody who asks at the moment, in one statement and in their order. */
  listCoupons(wishes: readonly CouponsWish[]): Promise<ShownCoupon[][]>;
  /** A user's own request over the log. */
  findRequest(userId: number, requestId: string): Promise<RequestState | undefined>;
}

export function createCouponReads(prisma: Prisma, sql: SqlExecutor): CouponReads {
  return {
    async listPolicies({ after, take }) {
      const rows = await (await prisma()).couponPolicy.findMany({
        where: after === undefined ? {} : { couponPolicyId: { gt: after } },
        orderBy: { couponPolicyId: 'asc' },
        take,
      });
      return rows.map((row) => ({
        couponPolicyId: Number(row.couponPolicyId),
        name: row.name,
        discountAmount: Number(row.discountAmount),
        totalQuantity: row.totalQuantity,
        remaining: row.totalQuantity - row.issuedCount,
        validDays: row.validDays,
        startsAt: row.startsAt,
        endsAt: row.endsAt,
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
        // A coupon whose time is over is EXPIRED, although its row may still say ISSUED.
        ...(whereOf(status).includes('?') ? [now] : []),
        take,
      ]);
      const rows = await sql.query<CouponRow>(parts.join(' UNION ALL '), params);
      const byPart = Map.groupBy(rows, ({ part }) => part);
      // A union keeps the rows of each page, and promises nothing of their order.
      return wishes.map(({ now }, part) => (byPart.get(part) ?? []).sort(newestFirst).map((row) => shown(row, now)));
    },

    async findRequest(userId, requestId) {
      const [row] = await sql.query<Coupon & { state: RequestState['status'] }>(
        `SELECT r.status AS state, c.coupon_id AS couponId, c.coupon_policy_id AS couponPolicyId, c.user_id AS userId,
                c.discount_amount AS discountAmount, c.status, c.issued_at AS issuedAt, c.expires_at AS expiresAt
           FROM coupon_requests r LEFT JOIN coupons c ON c.coupon_id = r.coupon_id
          WHERE r.request_id = ? AND r.user_id = ?`,
        [requestId, userId],
      );
      if (!row) return undefined;
      const { state, ...coupon } = row;
      return { status: state, ...(coupon.couponId ? { coupon } : {}) };
    },
  };
}

const SHOWN = `c.coupon_id AS couponId, c.coupon_policy_id AS couponPolicyId, p.name, c.discount_amount AS discountAmount,
                c.status, c.issued_at AS issuedAt, c.used_at AS usedAt, c.expires_at AS expiresAt
           FROM coupons c JOIN coupon_policies p ON p.coupon_policy_id = c.coupon_policy_id`;

type CouponRow = Omit<ShownCoupon, 'issuedAt' | 'usedAt' | 'expiresAt'> & {
  /** Whose page it is on: the place of the wish. */
  readonly part: number;
  readonly issuedAt: Date;
  readonly usedAt: Date | null;
  readonly expiresAt: Date;
};

const STATUS: Readonly<Record<CouponStatus, string>> = {
  ISSUED: `AND c.status = 'ISSUED' AND c.expires_at > ?`,
  USED: `AND c.status = 'USED'`,
  EXPIRED: `AND (c.status = 'EXPIRED' OR (c.status = 'ISSUED' AND c.expires_at <= ?))`,
};

function whereOf(status: CouponStatus | undefined): string {
  return status ? STATUS[status] : '';
}

function newestFirst(a: CouponRow, b: CouponRow): number {
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
