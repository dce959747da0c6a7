-- The types of the events in its history, in their order, with commas between: order-completed and order-cancelled tell
-- them, so that a restored schema puts the history together again. NULL for an order that is older than the column.
ALTER TABLE orders ADD COLUMN steps VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL, ALGORITHM = INSTANT;
