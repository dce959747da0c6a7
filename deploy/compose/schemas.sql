-- One schema a service, with a user who reads and writes its rows and one who changes its tables, and a user who may
-- read all schemas. Run once, on an empty volume. deploy/local/provision.ts does the same for the stack without Docker.
-- The passwords are for local use only.
CREATE DATABASE IF NOT EXISTS shop_order CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS shop_catalog CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS shop_payment CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS shop_coupon CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS shop_ranking CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER IF NOT EXISTS 'shop_order'@'%' IDENTIFIED BY 'shop_order';
CREATE USER IF NOT EXISTS 'shop_catalog'@'%' IDENTIFIED BY 'shop_catalog';
CREATE USER IF NOT EXISTS 'shop_payment'@'%' IDENTIFIED BY 'shop_payment';
CREATE USER IF NOT EXISTS 'shop_coupon'@'%' IDENTIFIED BY 'shop_coupon';
CREATE USER IF NOT EXISTS 'shop_ranking'@'%' IDENTIFIED BY 'shop_ranking';
CREATE USER IF NOT EXISTS 'shop_order_migration'@'%' IDENTIFIED BY 'shop_order_migration';
CREATE USER IF NOT EXISTS 'shop_catalog_migration'@'%' IDENTIFIED BY 'shop_catalog_migration';
CREATE USER IF NOT EXISTS 'shop_payment_migration'@'%' IDENTIFIED BY 'shop_payment_migration';
CREATE USER IF NOT EXISTS 'shop_coupon_migration'@'%' IDENTIFIED BY 'shop_coupon_migration';
CREATE USER IF NOT EXISTS 'shop_ranking_migration'@'%' IDENTIFIED BY 'shop_ranking_migration';
CREATE USER IF NOT EXISTS 'shop_audit'@'%' IDENTIFIED BY 'shop_audit';
GRANT SELECT, INSERT, UPDATE, DELETE ON `shop\_order`.* TO 'shop_order'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON `shop\_catalog`.* TO 'shop_catalog'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON `shop\_payment`.* TO 'shop_payment'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON `shop\_coupon`.* TO 'shop_coupon'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON `shop\_ranking`.* TO 'shop_ranking'@'%';
GRANT ALL ON `shop\_order`.* TO 'shop_order_migration'@'%';
GRANT ALL ON `shop\_catalog`.* TO 'shop_catalog_migration'@'%';
GRANT ALL ON `shop\_payment`.* TO 'shop_payment_migration'@'%';
GRANT ALL ON `shop\_coupon`.* TO 'shop_coupon_migration'@'%';
GRANT ALL ON `shop\_ranking`.* TO 'shop_ranking_migration'@'%';
GRANT SELECT ON `shop\_%`.* TO 'shop_audit'@'%';
