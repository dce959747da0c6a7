-- SPARED: the coupon takes nothing off the order (discount_amount 0), which goes on without it; the coupon stays ISSUED.
ALTER TABLE redemptions
  DROP CONSTRAINT redemptions_status_known,
  ADD CONSTRAINT redemptions_status_known CHECK (status IN ('REDEEMED', 'RETURNED', 'SPARED', 'REJECTED', 'VOID')),
  ADD CONSTRAINT redemptions_spared CHECK (status <> 'SPARED' OR (total_amount IS NOT NULL AND discount_amount <=> 0));
