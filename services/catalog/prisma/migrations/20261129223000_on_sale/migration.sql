-- An operator can withdraw a product from sale: it takes no new orders until it is put on sale again.
ALTER TABLE products
  ADD COLUMN on_sale TINYINT NOT NULL DEFAULT 1 AFTER waiting,
  ALGORITHM=INSTANT;

-- As it was after the change. NULL: a change of before there was such a thing.
ALTER TABLE product_changes
  ADD COLUMN on_sale TINYINT NULL AFTER available,
  ALGORITHM=INSTANT;
