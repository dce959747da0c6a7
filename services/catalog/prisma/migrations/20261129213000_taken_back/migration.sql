-- Pieces that operators took back: a correction of the stock downwards.
ALTER TABLE products
  ADD COLUMN taken_back BIGINT NOT NULL DEFAULT 0 AFTER restocked,
  DROP CHECK products_balance,
  ADD CONSTRAINT products_taken_back CHECK (taken_back >= 0),
  ADD CONSTRAINT products_balance CHECK (initial_stock + restocked - taken_back = available + reserved + sold);
