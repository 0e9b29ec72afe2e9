-- Runs transactions. KEYS: values, keys, expiry. ARGV: how many there are; for each, how many checks and writes it has, three
-- arguments for each check (kind, key, value), and four for each write (kind, key, value or end, milliseconds to live).
-- Gives for each the place of the check that did not hold, or -1.
--
-- Redis refuses the first write of a script where it would refuse any (no memory, read-only, disk full), so none is half done.
local values, keys, expiry = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local read = 0
local function argument()
    read = read + 1
    return ARGV[read]
end

local function value_of(key)
    local expires = redis.call('ZSCORE', expiry, key)
    if expires and tonumber(expires) <= now then return false end
    return redis.call('HGET', values, key)
end

local function delete(key)
    if redis.call('HDEL', values, key) == 1 then
        redis.call('ZREM', keys, key)
        redis.call('ZREM', expiry, key)
    end
end

local write = {}

write['put'] = function(key, value, milliseconds)
    if redis.call('HSET', values, key, value) == 1 then redis.call('ZADD', keys, 0, key) end
    if milliseconds == '' then
        redis.call('ZREM', expiry, key)
    else
        redis.call('ZADD', expiry, string.format('%.0f', now + milliseconds), key)
    end
end

write['delete'] = delete

write['delete all'] = function(from, to)
    for _, key in ipairs(redis.call('ZRANGEBYLEX', keys, '[' .. from, '(' .. to)) do delete(key) end
end

local verdicts = {}
for transaction = 1, tonumber(argument()) do
    local checks, writes, refused = tonumber(argument()), tonumber(argument()), -1
    for check = 0, checks - 1 do
        local kind, key, wanted = argument(), argument(), argument()
        if refused < 0 then
            local found = value_of(key)
            local holds = found == wanted
            if kind == 'absent' then holds = not found end
            if not holds then refused = check end
        end
    end
    for _ = 1, writes do
        local kind, key, value, milliseconds = argument(), argument(), argument(), argument()
        if refused < 0 then write[kind](key, value, milliseconds) end
    end
    verdicts[transaction] = refused
end

-- Whoever writes clears away some of what has expired.
for _, key in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, 64)) do delete(key) end
return verdicts
