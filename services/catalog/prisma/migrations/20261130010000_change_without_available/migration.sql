-- Null in changes restored from events that are older than the field: what was left then is not known.
ALTER TABLE product_changes
  MODIFY available BIGINT NULL;
