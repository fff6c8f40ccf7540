-- The part of a settle that ends jobs which were to run again although someone asked to cancel them (see unwanted.lua).
local function end_instead(requests)
  local wanted = {}
  for _, n in ipairs(again) do
    local request = requests[ids[n]] and cmsgpack.unpack(requests[ids[n]])
    if request then
      finished[#finished + 1] = n
      bodies[n] = string.sub(request[1], 1, 1) .. struct.pack('>d', tokens[n]) .. string.sub(request[1], STATE_SIZE + 1)
      ttls[n], extras[n].ends = request[2], request[3]
    else
      wanted[#wanted + 1] = n
    end
  end
  again = wanted
end
