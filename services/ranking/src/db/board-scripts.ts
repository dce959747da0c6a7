// Each script is atomic. KEYS[1] is a day's sorted set and KEYS[2] its versions, unless stated otherwise.

/**
 * Sets totals whose version is higher than the present one.
 * ARGV: generation, expiry (s), and, as one JSON array of texts (the number of arguments is limited), product, version,
 * quantity of each.
 * Returns how many were set; -1 if the day is not loaded with this generation: with some of its products set, it would
 * look complete.
 */
export const SET = `
if redis.call('HGET', KEYS[2], 'generation') ~= ARGV[1] then return -1 end
local written = 0
local values = cjson.decode(ARGV[3])
for i = 1, #values, 3 do
  local known = redis.call('HGET', KEYS[2], values[i])
  if not known or tonumber(known) < tonumber(values[i + 1]) then
    redis.call('HSET', KEYS[2], values[i], values[i + 1])
    if tonumber(values[i + 2]) > 0 then redis.call('ZADD', KEYS[1], values[i + 2], values[i])
    else redis.call('ZREM', KEYS[1], values[i]) end
    written = written + 1
  end
end
redis.call('EXPIREAT', KEYS[1], ARGV[2])
redis.call('EXPIREAT', KEYS[2], ARGV[2])
return written
`;

/**
 * Changes entries that are still as they were read. If the generation changes, the whole day is replaced.
 * ARGV: generation read ('' for none), generation, expiry (s), and, as one JSON array of texts, product, version read
 * ('' for none), version ('' to remove the entry), quantity of each.
 * Returns how many were changed.
 */
export const REPAIR = `
if (redis.call('HGET', KEYS[2], 'generation') or '') ~= ARGV[1] then return 0 end
if ARGV[1] ~= ARGV[2] then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[2], 'generation', ARGV[2])
end
local changed = 0
local values = cjson.decode(ARGV[4])
for i = 1, #values, 4 do
  if (redis.call('HGET', KEYS[2], values[i]) or '') == values[i + 1] then
    if values[i + 2] == '' then redis.call('HDEL', KEYS[2], values[i])
    else redis.call('HSET', KEYS[2], values[i], values[i + 2]) end
    if tonumber(values[i + 3]) > 0 then redis.call('ZADD', KEYS[1], values[i + 3], values[i])
    else redis.call('ZREM', KEYS[1], values[i]) end
    changed = changed + 1
  end
end
redis.call('EXPIREAT', KEYS[1], ARGV[3])
redis.call('EXPIREAT', KEYS[2], ARGV[3])
return changed
`;

/**
 * The top of some days, including all products equal to the last: Redis orders equal scores as text, not as numbers.
 * KEYS: the union, each day's set, each day's versions.
 * ARGV: days, limit, the union's life (ms).
 * Returns the rest of the union's life and its top with scores; nil if a day is not loaded or of another generation.
 */
export const TOP = `
local days = tonumber(ARGV[1])
local generation = redis.call('HGET', KEYS[days + 2], 'generation')
for i = 1, days do
  local own = redis.call('HGET', KEYS[1 + days + i], 'generation')
  if not own or own ~= generation then return false end
end
local left = redis.call('PTTL', KEYS[1])
if left <= 0 then
  local union = { 'ZUNIONSTORE', KEYS[1], days }
  for i = 1, days do union[3 + i] = KEYS[1 + i] end
  redis.call(unpack(union))
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  left = tonumber(ARGV[3])
end
local last = redis.call('ZRANGE', KEYS[1], ARGV[2] - 1, ARGV[2] - 1, 'REV', 'WITHSCORES')
return { left, redis.call('ZRANGE', KEYS[1], '+inf', last[2] or '-inf', 'BYSCORE', 'REV', 'WITHSCORES') }
`;
