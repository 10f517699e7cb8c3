-- What the sessions in Neovim have in common: steps that hold or do not, and leaving without a trace.
local uv = vim.uv or vim.loop
local failures = 0
local steps = {}

function steps.report(line)
  io.stdout:write(line .. '\n')
  io.stdout:flush()
end

function steps.check(name, holds, seen)
  failures = failures + (holds and 0 or 1)
  steps.report(('%s - %s%s'):format(holds and 'ok' or 'not ok', name, holds and '' or ('\n  seen: ' .. vim.inspect(seen))))
end

local function clients()
  return (vim.lsp.get_clients or vim.lsp.get_active_clients)()
end

local function is_alive(process)
  return uv.kill(process, 0) == 0
end

-- Stops the one client, and waits until its server has gone.
function steps.leave()
  local servers = vim.api.nvim_get_proc_children(vim.fn.getpid())
  steps.check('one server ran', #servers == 1 and #clients() == 1, { servers, clients() })
  for _, client in ipairs(clients()) do
    if vim.fn.has('nvim-0.11') == 1 then client:stop() else client.stop() end
  end
  steps.check('the client stops', vim.wait(5000, function() return #clients() == 0 end, 20), clients())
  steps.check('the server ends', vim.wait(5000, function() return not is_alive(servers[1]) end, 20), servers)
end

-- Runs a session, and leaves Neovim with 0 if every step of it held.
function steps.run(session)
  local version = vim.version()
  steps.report(('# Neovim %d.%d.%d'):format(version.major, version.minor, version.patch))
  local ran, problem = xpcall(session, debug.traceback)
  if not ran then
    failures = failures + 1
    steps.report('not ok - ' .. problem)
  end
  vim.cmd(failures > 0 and 'cquit 1' or 'qall!')
end

return steps
