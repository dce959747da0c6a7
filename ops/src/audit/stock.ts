import { type Check, sqlCheck } from './check.ts';

/** Invariant 1. `reserved` and `sold` are counters beside the products; they count the lines of the reservations. */
export const stockChecks: readonly Check[] = [
  sqlCheck({
    invariant: 1,
    name: 'stock-adds-up',
    title: 'available stock is not negative, and initial + restocked − taken back = available + reserved + sold',
    counted: 'SELECT COUNT(*) AS counted FROM shop_catalog.products',
    faults: `
      SELECT product_id AS id,
             CONCAT('initial ', initial_stock, ' + restocked ', restocked, ' - taken back ', taken_back, ', but available ', available, ' + reserved ', reserved, ' + sold ', sold) AS detail
      FROM shop_catalog.products
      WHERE available < 0 OR initial_stock + restocked - taken_back <> available + reserved + sold`,
  }),
  sqlCheck({
    invariant: 1,
    name: 'stock-is-its-reservations',
    title: 'each product’s reserved and sold stock is the sum of its active and sold reservations',
    counted: 'SELECT COUNT(*) AS counted FROM shop_catalog.products',
    faults: `
      SELECT p.product_id AS id,
             CONCAT('reserved ', p.reserved, ' but reservations hold ', COALESCE(l.reserved, 0), '; sold ', p.sold, ' but reservations sold ', COALESCE(l.sold, 0)) AS detail
      FROM shop_catalog.products p
      LEFT JOIN (
        SELECT l.product_id,
               SUM(CASE WHEN r.status = 'ACTIVE' THEN l.quantity ELSE 0 END) AS reserved,
               SUM(CASE WHEN r.status = 'SOLD' THEN l.quantity ELSE 0 END) AS sold
        FROM shop_catalog.reservation_lines l
        JOIN shop_catalog.reservations r ON r.order_id = l.order_id
        GROUP BY l.product_id
      ) l ON l.product_id = p.product_id
      WHERE p.reserved <> COALESCE(l.reserved, 0) OR p.sold <> COALESCE(l.sold, 0)`,
  }),
  sqlCheck({
    invariant: 1,
    name: 'line-is-its-orders',
    title: 'each product counts the orders that wait for it, and who stands in line is WAITING',
    counted: 'SELECT COUNT(*) AS counted FROM shop_catalog.products',
    faults: `
      SELECT p.product_id AS id, CONCAT('counts ', p.waiting, ' orders in line, but ', COALESCE(w.orders, 0), ' wait') AS detail
      FROM shop_catalog.products p
      LEFT JOIN (SELECT product_id, COUNT(*) AS orders FROM shop_catalog.waiting_lines GROUP BY product_id) w
        ON w.product_id = p.product_id
      WHERE p.waiting <> COALESCE(w.orders, 0)
      UNION ALL
      SELECT w.order_id, CONCAT('in line for product ', w.product_id, ', but its reservation is ', COALESCE(r.status, 'missing'))
      FROM shop_catalog.waiting_lines w LEFT JOIN shop_catalog.reservations r ON r.order_id = w.order_id
      WHERE NOT (r.status <=> 'WAITING')
      UNION ALL
      SELECT r.order_id, 'WAITING, but in no line'
      FROM shop_catalog.reservations r
      WHERE r.status = 'WAITING' AND NOT EXISTS (SELECT 1 FROM shop_catalog.waiting_lines w WHERE w.order_id = r.order_id)`,
  }),
  sqlCheck({
    invariant: 1,
    name: 'stock-is-its-changes',
    title:
      'each product’s initial stock, restocks and corrections are the sum of the operators’ changes, one a version',
    counted: 'SELECT COUNT(*) AS counted FROM shop_catalog.product_changes',
    faults: `
      SELECT p.product_id AS id,
             CONCAT('initial ', p.initial_stock, ' + restocked ', p.restocked, ' - taken back ', p.taken_back, ' at version ', p.version,
                    ', but ', COUNT(c.version), ' changes add ', COALESCE(SUM(c.stock_delta), 0)) AS detail
      FROM shop_catalog.products p
      LEFT JOIN shop_catalog.product_changes c ON c.product_id = p.product_id
      GROUP BY p.product_id, p.initial_stock, p.restocked, p.taken_back, p.version
      HAVING p.initial_stock + p.restocked - p.taken_back <> COALESCE(SUM(c.stock_delta), 0) OR p.version <> COUNT(c.version)`,
  }),
  sqlCheck({
    invariant: 1,
    name: 'withdrawn-by-an-operator',
    title: 'each product is on sale, or withdrawn, as the last change left it, and nobody waits for a withdrawn one',
    counted: 'SELECT COUNT(*) AS counted FROM shop_catalog.products',
    faults: `
      SELECT p.product_id AS id, CONCAT('on_sale is ', p.on_sale, ', but its change ', c.version, ' left ', c.on_sale) AS detail
      FROM shop_catalog.products p
      JOIN shop_catalog.product_changes c ON c.product_id = p.product_id AND c.version = p.version
      WHERE c.on_sale <> p.on_sale
      UNION ALL
      SELECT product_id, CONCAT('withdrawn, but ', waiting, ' orders wait for it')
      FROM shop_catalog.products
      WHERE on_sale = 0 AND waiting > 0`,
  }),
];
