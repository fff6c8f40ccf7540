-- include: ends.lua

-- What is kept of a request to cancel a running job: msgpack array of the body and the result_ttl of its end, and of the
-- ends of those that wait for it (id, body, result_ttl, id, ...). It holds if the claim ends without an end of its own.

-- Ends those of these jobs, whose claims have ended, that have a request; returns the others.
local function end_unwanted(ids, requests)
  local wanted, unwanted, bodies, ttls, ends = {}, {}, {}, {}, {}
  for _, id in ipairs(ids) do
    if requests[id] then
      local n, request = #unwanted + 1, cmsgpack.unpack(requests[id])
      unwanted[n], bodies[n], ttls[n] = id, request[1], request[2]
      append(ends, request[3])
    else
      wanted[#wanted + 1] = id
    end
  end
  end_jobs(unwanted, bodies, ttls)
  end_waiting(ends)
  abandon_the_rest()
  return wanted
end
