import type { Redis } from 'ioredis';

/**
 * KEYS: holders, total. ARGV: quantity, now in ms, `1` to take a place, user ids. For each user one text: `N` not
 * loaded, `S` sold out, `-` has none, `+` a place was taken, `?` the place was the user's already, else the coupon's
 * id.
 *
 * The number of coupons left is counted, not stored, so it cannot deviate. A place asked for again gets a new time, so
 * that it is not taken back from the request now using it.
 */
const ENTER = `
local quantity = tonumber(ARGV[1])
local answers = {}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  for i = 4, #ARGV do answers[i - 3] = 'N' end
  return answers
end
local place = '?' .. ARGV[2]
local taken = redis.call('HLEN', KEYS[1])
for i = 4, #ARGV do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  local answer
  if held and string.sub(held, 1, 1) ~= '?' then answer = held
  elseif held and ARGV[3] == '1' then
    redis.call('HSET', KEYS[1], ARGV[i], place)
    answer = '?'
  elseif held then answer = '-'
  elseif taken >= quantity then answer = 'S'
  elseif ARGV[3] ~= '1' then answer = '-'
  else
    redis.call('HSET', KEYS[1], ARGV[i], place)
    taken = taken + 1
    answer = '+'
  end
  answers[i - 3] = answer
end
return answers
`;

/** KEYS: holders. ARGV: user id, value, user id, value … Removes entries that still have the given value. */
const REMOVE = `
local removed = 0
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    removed = removed + redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return removed
`;

/**
 * KEYS: holders, total. ARGV: quantity, number of loaded holders. If fewer are there, Redis was emptied during the
 * loading.
 */
const OPEN = `
if redis.call('HLEN', KEYS[1]) < tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
return 1
`;

type Argument = string | number;

/** A client that knows the door's scripts (EVALSHA, and EVAL once where Redis does not know them yet). */
export interface DoorClient extends Redis {
  couponEnter(holders: string, total: string, ...rest: Argument[]): Promise<string[]>;
  couponRemove(holders: string, ...rest: Argument[]): Promise<number>;
  couponOpen(holders: string, total: string, ...rest: Argument[]): Promise<number>;
}

export function withDoorScripts(redis: Redis): DoorClient {
  redis.defineCommand('couponEnter', { lua: ENTER, numberOfKeys: 2 });
  redis.defineCommand('couponRemove', { lua: REMOVE, numberOfKeys: 1 });
  redis.defineCommand('couponOpen', { lua: OPEN, numberOfKeys: 2 });
  return redis as DoorClient;
}
