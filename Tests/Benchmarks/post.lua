-- Posts the lines of a file as messages to an MCP server.
-- arguments after --: the file; `again`: its first line for ever, or `once`: each line one time
local lines
local message
local fields = {
    ["Content-Type"] = "application/json",
    ["Accept"] = "application/json, text/event-stream",
    ["MCP-Protocol-Version"] = "2025-11-25",
}

function init(arguments)
    lines = io.lines(arguments[1])
    if arguments[2] == "again" then
        message = wrk.format("POST", nil, fields, lines())
    end
end

function request()
    if message then
        return message
    end
    local line = lines and lines()
    if not line then
        lines = nil
        wrk.thread:stop()
        return wrk.format("POST", "/free", fields, "{}")
    end
    return wrk.format("POST", nil, fields, line)
end
