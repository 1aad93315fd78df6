-- The generic cell rate algorithm for several keys at once, all or nothing, on the server's clock in microseconds.
-- KEYS[i] holds when all that its owner spent will have come back; without it the owner is fresh.
-- ARGV[1] is "charge" or "peek"; ARGV[2i], ARGV[2i + 1] are what to add to KEYS[i] (less than 0: a refund) and the most it may hold.
-- Replies with two numbers per key: the time until it is fresh, and how long to wait for the charge (0: allowed).
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrivals, reply, allowed = {}, {}, true

for i, key in ipairs(KEYS) do
    local weight, capacity = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local arrival = arrivals[key] or tonumber(redis.call('GET', key) or now)
    -- No key is ever further from fresh than its policy allows, unless the clock was set back or the policy changed.
    local spent = math.min(math.max(arrival - now, 0), capacity)
    local after = math.max(spent + weight, 0)
    if after > capacity then
        allowed = false
        reply[2 * i - 1], reply[2 * i] = spent, after - capacity
    else
        arrivals[key] = now + after
        reply[2 * i - 1], reply[2 * i] = after, 0
    end
end

if allowed and ARGV[1] == 'charge' then
    for key, arrival in pairs(arrivals) do
        if arrival > now then
            -- %.0f: a number turned into text by Lua itself loses its last digits.
            redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
        else
            redis.call('DEL', key)
        end
    end
end

return reply
