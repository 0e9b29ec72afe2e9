-- Keys and values in turn, of a range of keys. KEYS: values, keys, expiry. ARGV: order, from, to, limit.
local values, keys, expiry = KEYS[1], KEYS[2], KEYS[3]
local descending, low, high, limit = ARGV[1] == 'descending', '[' .. ARGV[2], '(' .. ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local some_expire = redis.call('EXISTS', expiry) == 1

local found, count = {}, 0
while count < limit do
    -- As many as Lua can hand to one call at a time.
    local page = math.min(limit - count, 256)
    local names
    if descending then
        names = redis.call('ZREVRANGEBYLEX', keys, high, low, 'LIMIT', 0, page)
    else
        names = redis.call('ZRANGEBYLEX', keys, low, high, 'LIMIT', 0, page)
    end
    if #names == 0 then break end
    local got = redis.call('HMGET', values, unpack(names))
    local expires = some_expire and redis.call('ZMSCORE', expiry, unpack(names)) or {}
    for at, name in ipairs(names) do
        if got[at] and not (expires[at] and tonumber(expires[at]) <= now) then
            found[2 * count + 1], found[2 * count + 2] = name, got[at]
            count = count + 1
        end
    end
    if #names < page then break end
    if descending then high = '(' .. names[#names] else low = '(' .. names[#names] end
end
return found
