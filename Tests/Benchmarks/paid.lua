-- Walks a file of pre-signed payments, each sent once: 'target header' a line.
-- arguments after --: the file, the host
local lines
local host

function init(arguments)
    lines = io.lines(arguments[1])
    host = arguments[2]
end

function request()
    local line = lines and lines()
    if not line then
        lines = nil
        wrk.thread:stop()
        return "GET /1k HTTP/1.1\r\nHost: " .. host .. "\r\n\r\n"
    end
    local space = line:find(" ", 1, true)
    return "GET " .. line:sub(1, space - 1) .. " HTTP/1.1\r\nHost: " .. host .. "\r\nPAYMENT-SIGNATURE: "
        .. line:sub(space + 1) .. "\r\n\r\n"
end
