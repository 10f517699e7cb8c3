-- A model is run from its code lens and by key, and cancelled. The set-up and the keys are those of docs/editors.md.
-- usage: nvim --headless -u INIT -i NONE -n +'luafile nvim_deep_check.lua' FILE      exits with 0 if every step held
local steps = dofile(debug.getinfo(1, 'S').source:match('^@(.*/)') .. 'nvim_steps.lua')
local check = steps.check

local TORCH = 180000 -- ms; importing it takes seconds, and more of them on a busy machine

local function session()
  local buffer = vim.api.nvim_get_current_buf()

  local function lens()
    local found = vim.lsp.codelens.get(vim.lsp.codelens.enable and { bufnr = buffer } or buffer)[1]
    found = found and (found.lens or found)
    return found and found.command and found.command.title or ''
  end

  local function lens_says(words, patience)
    return vim.wait(patience or 15000, function() return lens():find(words, 1, true) ~= nil end, 20)
  end

  local function finding() return vim.diagnostic.get(buffer)[1] or {} end

  local function press(keys) vim.cmd('normal \\' .. keys) end

  check('one diagnostic arrives', vim.wait(15000, function() return finding().code == 'NN501' end, 20), finding())
  check('its class has a lens', lens_says('1 spurious bias · run deep check'), lens())
  check('nothing has been run', finding().severity == vim.diagnostic.severity.INFO, finding())

  vim.fn.search('^class Encoder')
  press('nl')
  local function is_confirmed() return (finding().message or ''):find('confirmed', 1, true) ~= nil end
  check('running the lens confirms the finding', vim.wait(TORCH, is_confirmed, 20), finding())
  check('what is confirmed is a warning', finding().severity == vim.diagnostic.severity.WARN, finding())
  check('the lens says what came of it', lens_says('1 confirmed · run again'), lens())

  vim.fn.search('super')
  press('nd')
  vim.lsp.codelens[vim.lsp.codelens.enable and 'get' or 'refresh']()
  check('a key runs the class at the cursor', lens_says('Running deep check'), lens())
  press('nc')
  local function is_idle()
    if not vim.lsp.codelens.enable then vim.lsp.codelens.refresh() end
    return lens():find('run again', 1, true) ~= nil
  end
  check('another cancels it', vim.wait(15000, is_idle, 100), lens())
  check('the verdict stays', is_confirmed(), finding())

  steps.leave()
end

steps.run(session)
