-- For wrk: appends a number to the URL that rises with each request.
local number = 0

function init(arguments)
  number = tonumber(arguments[1])
end

function request()
  number = number + 1
  return wrk.format("GET", wrk.path .. string.format("%d", number))
end
