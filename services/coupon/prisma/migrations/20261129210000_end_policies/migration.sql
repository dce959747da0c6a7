-- A policy that an operator ended issues no more coupons: ended_at is set once, under the lock that issuing takes.
ALTER TABLE coupon_policies ADD COLUMN ended_at DATETIME(3) NULL;

-- What operators wished of a policy: to end it (revokes = 0), or also to revoke its unused coupons (revokes = 1). One row
-- each at most, so a repeat finds its row. issued_count is the policy's at the end: it must not rise any more.
-- revoked_count and done_at are the progress of the job that revokes.
CREATE TABLE coupon_policy_ends (
  request_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'the id of its coupon-policy-ended',
  coupon_policy_id BIGINT NOT NULL,
  revokes          TINYINT NOT NULL,
  reason           VARCHAR(500) CHARACTER SET utf8mb4 NOT NULL,
  issued_count     INT NOT NULL,
  revoked_count    INT NOT NULL DEFAULT 0,
  created_at       DATETIME(3) NOT NULL,
  done_at          DATETIME(3) NULL COMMENT 'every coupon was looked at; at once where none is revoked',
  UNIQUE KEY coupon_policy_ends_wish (coupon_policy_id, revokes),
  KEY coupon_policy_ends_done (done_at),
  CONSTRAINT coupon_policy_ends_revoking CHECK (revokes = 1 OR (revokes = 0 AND revoked_count = 0 AND done_at IS NOT NULL))
) ENGINE = InnoDB;

-- revoked_at: the coupon's policy was revoked while it was unused, which made it REVOKED, or while it was USED: it stays
-- with its order, and is REVOKED when that order gives it back.
ALTER TABLE coupons
  ADD COLUMN revoked_at DATETIME(3) NULL,
  DROP CONSTRAINT coupons_status_known,
  ADD CONSTRAINT coupons_status_known CHECK (status IN ('ISSUED', 'USED', 'EXPIRED', 'REVOKED')),
  ADD CONSTRAINT coupons_revoked CHECK (
    (status <> 'REVOKED' OR revoked_at IS NOT NULL) AND (status IN ('USED', 'REVOKED') OR revoked_at IS NULL)
  );

-- ENDED: the policy was ended before the request's turn came.
ALTER TABLE coupon_requests
  DROP CONSTRAINT coupon_requests_status_known,
  ADD CONSTRAINT coupon_requests_status_known CHECK (status IN ('PENDING', 'ISSUED', 'SOLD_OUT', 'ENDED'));
