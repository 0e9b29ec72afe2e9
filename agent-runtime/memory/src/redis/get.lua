-- The value of a key. KEYS: values, keys, expiry. ARGV: the key.
local expires = redis.call('ZSCORE', KEYS[3], ARGV[1])
if expires then
    local time = redis.call('TIME')
    if tonumber(expires) <= time[1] * 1000 + math.floor(time[2] / 1000) then return false end
end
return redis.call('HGET', KEYS[1], ARGV[1])
