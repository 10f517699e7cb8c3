-- One session with nnlint in Neovim, as a person would have it: the set-up is that of docs/editors.md, the keys are replaced by what they call.
-- usage: nvim --headless -u INIT -i NONE -n +'luafile nvim_session.lua' FILE      exits with 0 if every step held
local steps = dofile(debug.getinfo(1, 'S').source:match('^@(.*/)') .. 'nvim_steps.lua')
local check, report = steps.check, steps.report

local function session()
  local buffer = vim.api.nvim_get_current_buf()
  local function findings() return vim.diagnostic.get(buffer) end
  local function text() return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, true), '\n') end
  local function count_is(number)
    return vim.wait(15000, function() return #findings() == number end, 20)
  end

  check('one diagnostic arrives', count_is(1), findings())
  local finding = findings()[1]
  local line = vim.api.nvim_buf_get_lines(buffer, finding.lnum, finding.lnum + 1, true)[1]
  check('it is NN501 of nnlint', finding.code == 'NN501' and finding.source == 'nnlint', finding)
  check('it stands under the call, behind wide characters', line:sub(finding.col + 1, finding.end_col) == 'nn.Conv2d(8, 8, kernel_size=3)', finding)

  vim.api.nvim_win_set_cursor(0, { finding.lnum + 1, finding.col })
  vim.ui.select = function(items, options, choose)
    for index, item in ipairs(items) do
      if options.format_item(item):find('bias=False', 1, true) then return choose(item, index) end
    end
    report('# no fix among: ' .. vim.inspect(vim.tbl_map(options.format_item, items)))
  end
  vim.lsp.buf.code_action()
  local fixed = (line:gsub('kernel_size=3%)', 'kernel_size=3, bias=False)'))
  local function is_fixed() return vim.api.nvim_buf_get_lines(buffer, finding.lnum, finding.lnum + 1, true)[1] == fixed end
  check('the quick fix changes the buffer', vim.wait(5000, is_fixed, 20), text())
  check('the diagnostic goes', count_is(0), findings())

  vim.cmd('normal! Goclass Head(nn.Module):')
  vim.api.nvim_buf_set_lines(buffer, -1, -1, true, {
    '    def __init__(self):',
    '        super().__init__()',
    '        self.conv = nn.Conv2d(8, 8, 1)',
    '        self.norm = nn.BatchNorm2d(8)',
    '',
    '    def forward(self, x):',
    '        return self.norm(self.conv(x))',
  })
  check('a mistake that is typed is found before it is saved', count_is(1), findings())
  vim.cmd('silent write')
  local saved = table.concat(vim.fn.readfile(vim.api.nvim_buf_get_name(buffer)), '\n')
  check('saving mends it', saved:find('self.conv = nn.Conv2d(8, 8, 1, bias=False)', 1, true) ~= nil, saved)
  check('no diagnostic is left', count_is(0), findings())

  steps.leave()
end

steps.run(session)
