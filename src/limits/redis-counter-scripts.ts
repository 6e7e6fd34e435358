import type { RedisScript } from '../lib/redis-connection.ts';
import { CONCURRENT_RETRY_MS, LAPSED_MS, LEASE_MS, STEP_MS, STEPS } from './counter-store.ts';

/**
 * Two keys for each account, a hash and a sorted set. All have one hash tag, so that one script can change the accounts
 * of a request together in a cluster as well.
 *
 * requests, tokens: hash `s` sum, `f` and `l` first and last step, `<step>` its count, `o<id>` an amount that may be
 * settled; set: id by step. concurrent: set: id by the end of its lease. budget: hash `spent`, `held`, `by:<ledger>`,
 * `h<id>` an amount held; set: id by the end of its lease, `!<id>` for a lapsed one.
 */
const PRELUDE = `
local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local now = clock()

local function gone(step) return (step + ${STEPS + 1}) * ${STEP_MS} - now end

-- Forgets what is older than a minute. Returns the sum, the last step counted and the step of now.
local function window(hash, set)
  local step = math.floor(now / ${STEP_MS})
  local known = redis.call('HMGET', hash, 's', 'f', 'l')
  if not known[1] then return 0, nil, step, step end
  local sum, first, last = tonumber(known[1]), tonumber(known[2]), tonumber(known[3])
  -- A server's clock may be put back.
  if last > step then step = last end
  local horizon = step - ${STEPS}
  if last < horizon then
    redis.call('DEL', hash, set)
    return 0, nil, step, step
  end
  if first < horizon then
    local names = {}
    for old = first, horizon - 1 do names[#names + 1] = string.format('%d', old) end
    for _, count in ipairs(redis.call('HMGET', hash, unpack(names))) do
      if count then sum = sum - count end
    end
    redis.call('HDEL', hash, unpack(names))
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', '(' .. horizon)) do
      redis.call('HDEL', hash, 'o' .. id)
    end
    redis.call('ZREMRANGEBYSCORE', set, '-inf', '(' .. horizon)
    redis.call('HSET', hash, 's', sum, 'f', horizon)
    first = horizon
  end
  return sum, last, step, first
end

local function until_fits(hash, sum, first, last, amount, limit)
  local names = {}
  for step = first, last do names[#names + 1] = string.format('%d', step) end
  for index, count in ipairs(redis.call('HMGET', hash, unpack(names))) do
    if count then
      sum = sum - count
      if sum + amount <= limit then return gone(first + index - 1) end
    end
  end
  return ${STEPS * STEP_MS}
end

-- Lets leases lapse that have ended. Returns what is spent and what is held; nil for an account unknown to this ledger.
local function purse(hash, set, ledger)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 200)) do
    redis.call('ZREM', set, id)
    if string.sub(id, 1, 1) ~= '!' then
      local amount = redis.call('HGET', hash, 'h' .. id)
      if amount then
        redis.call('HINCRBY', hash, 'held', -amount)
        redis.call('HDEL', hash, 'h' .. id)
        redis.call('ZADD', set, now + ${LAPSED_MS}, '!' .. id)
      end
    end
  end
  local known = redis.call('HMGET', hash, 'spent', 'held', 'by:' .. ledger)
  if not known[3] then return nil end
  return tonumber(known[1] or 0), tonumber(known[2] or 0)
end
`;

/**
 * ARGV: now or '', id, ledger, then for each account: meter, amount, limit, 1 if it may overdraw, milliseconds to keep it.
 * Returns 1 admitted, 0 refused or 2 unknown, then for each account: used, settled, exceeded (-1 unknown), retry, reset.
 */
const RESERVE = `${PRELUDE}
local id, ledger = ARGV[2], ARGV[3]
local outcome, reply, found = 1, {0}, {}
local count = #KEYS / 2
for index = 1, count do
  local hash, set, at = KEYS[index * 2 - 1], KEYS[index * 2], 4 + (index - 1) * 5
  local meter, amount, limit = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local used, settled, exceeded, retry, reset = 0, 0, 0, 0, 0
  if meter == 'budget' then
    local spent, held = purse(hash, set, ledger)
    if spent then
      used, settled = spent + held, spent
    else
      exceeded = -1
    end
  elseif meter == 'concurrent' then
    redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
    used = redis.call('ZCARD', set)
    settled = used
  else
    local sum, last, step, first = window(hash, set)
    used, settled = sum, sum
    reset = last and gone(last) or 0
    found[index] = { step = step, first = first, last = last }
  end
  if exceeded == 0 and amount > 0 and used + amount > limit then
    exceeded = 1
    if meter == 'concurrent' then
      retry = ${CONCURRENT_RETRY_MS}
    elseif meter ~= 'budget' then
      local state = found[index]
      retry = state.last and until_fits(hash, used, state.first, state.last, amount, limit) or ${STEPS * STEP_MS}
    end
  end
  if exceeded == -1 then outcome = 2 end
  if exceeded == 1 and ARGV[at + 3] ~= '1' and outcome == 1 then outcome = 0 end
  local from = #reply
  reply[from + 1], reply[from + 2], reply[from + 3], reply[from + 4], reply[from + 5] = used, settled, exceeded, retry, reset
end
reply[1] = outcome
if outcome ~= 1 then return reply end

for index = 1, count do
  local hash, set, at = KEYS[index * 2 - 1], KEYS[index * 2], 4 + (index - 1) * 5
  local meter, amount = ARGV[at], tonumber(ARGV[at + 1])
  local from = 1 + (index - 1) * 5
  if amount > 0 then
    reply[from + 1] = reply[from + 1] + amount
    if meter == 'budget' then
      redis.call('HINCRBY', hash, 'held', amount)
      redis.call('HSET', hash, 'h' .. id, amount)
      redis.call('ZADD', set, now + ${LEASE_MS}, id)
      redis.call('PEXPIRE', hash, ARGV[at + 4])
      redis.call('PEXPIRE', set, ARGV[at + 4])
    elseif meter == 'concurrent' then
      redis.call('ZADD', set, now + ${LEASE_MS}, id)
      redis.call('PEXPIRE', set, ${LEASE_MS})
      reply[from + 2] = reply[from + 1]
    else
      local step = found[index].step
      redis.call('HINCRBY', hash, string.format('%d', step), amount)
      redis.call('HINCRBY', hash, 's', amount)
      redis.call('HSET', hash, 'l', step)
      redis.call('HSETNX', hash, 'f', step)
      redis.call('PEXPIRE', hash, ${(STEPS + 10) * STEP_MS})
      if meter == 'tokens' then
        redis.call('HSET', hash, 'o' .. id, amount)
        redis.call('ZADD', set, step, id)
        redis.call('PEXPIRE', set, ${(STEPS + 10) * STEP_MS})
      end
      reply[from + 2], reply[from + 5] = reply[from + 1], gone(step)
    end
  end
end
return reply`;

/** ARGV: now or '', id, ledger, tokens, cost, then the meter of each account. Returns what each budget has spent. */
const SETTLE = `${PRELUDE}
local id, ledger, tokens, cost = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local reply = {}
for index = 1, #KEYS / 2 do
  local hash, set, meter = KEYS[index * 2 - 1], KEYS[index * 2], ARGV[5 + index]
  if meter == 'concurrent' then
    redis.call('ZREM', set, id)
  elseif meter == 'tokens' then
    window(hash, set)
    local amount, step = redis.call('HGET', hash, 'o' .. id), redis.call('ZSCORE', set, id)
    if amount and step then
      redis.call('HINCRBY', hash, string.format('%d', step), tokens - amount)
      redis.call('HINCRBY', hash, 's', tokens - amount)
      redis.call('HDEL', hash, 'o' .. id)
      redis.call('ZREM', set, id)
    end
  elseif meter == 'budget' then
    local spent = purse(hash, set, ledger)
    local amount = redis.call('HGET', hash, 'h' .. id)
    if amount then
      redis.call('HINCRBY', hash, 'held', -amount)
      redis.call('HDEL', hash, 'h' .. id)
      redis.call('ZREM', set, id)
    end
    if amount or redis.call('ZREM', set, '!' .. id) == 1 then
      redis.call('HINCRBY', hash, 'by:' .. ledger, cost)
      spent = redis.call('HINCRBY', hash, 'spent', cost)
    end
    reply[#reply + 1] = spent or 0
  end
end
return reply`;

/** ARGV: now or '', id, then for each account: meter, amount. */
const RENEW = `${PRELUDE}
local id = ARGV[2]
for index = 1, #KEYS / 2 do
  local hash, set, meter = KEYS[index * 2 - 1], KEYS[index * 2], ARGV[1 + index * 2]
  if meter == 'concurrent' then
    redis.call('ZADD', set, now + ${LEASE_MS}, id)
    redis.call('PEXPIRE', set, ${LEASE_MS})
  elseif meter == 'budget' then
    if redis.call('ZREM', set, '!' .. id) == 1 then
      redis.call('HINCRBY', hash, 'held', ARGV[2 + index * 2])
      redis.call('HSET', hash, 'h' .. id, ARGV[2 + index * 2])
    end
    if redis.call('HEXISTS', hash, 'h' .. id) == 1 then redis.call('ZADD', set, now + ${LEASE_MS}, id) end
  end
end
return 1`;

/** KEYS: hash. ARGV: ledger, spent, milliseconds to keep it. */
const SYNC = `
local known = redis.call('HGET', KEYS[1], 'by:' .. ARGV[1])
local more = tonumber(ARGV[2]) - tonumber(known or 0)
if known and more <= 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'spent', more)
redis.call('HSET', KEYS[1], 'by:' .. ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return more`;

const LUA = { reserve: RESERVE, settle: SETTLE, renew: RENEW, sync: SYNC };

/** A script for so many keys: Redis is told their number with the script. */
export const counterScript = (name: keyof typeof LUA, keyCount: number): RedisScript => ({
  name: `rightsizeLimits_${name}_${keyCount}`,
  keyCount,
  lua: LUA[name],
});
