-- When the order heard that its points were given back (payment-refunded); NULL for an order that kept or never took
-- them, and while they are on their way.
ALTER TABLE orders ADD COLUMN refunded_at DATETIME(3) NULL;

-- Orders that heard of it before.
UPDATE orders o
  JOIN order_history h ON h.order_id = o.order_id AND h.type = 'payment-refunded'
   SET o.refunded_at = h.happened_at
 WHERE o.status = 'CANCELLED';
