-- The layout of the report, the same for HTML and for Typst (PDF): numbers figures, tables
-- and equations, resolves @fig-... and its like, folds the code (HTML) or drops it (PDF), and adds
-- what pandoc's writers leave out (alternative texts, table captions, equation descriptions).

local LABELS = { fig = "Figure", tbl = "Table", eq = "Equation" }
local PDF_WIDTH = 88 -- per cent of the text that a figure of full width takes on paper
local is_typst = FORMAT:match("typst") ~= nil
local numbers, counts = {}, { fig = 0, tbl = 0, eq = 0 }
local lenient = false -- a single notebook may point into others

local function fail(message)
  io.stderr:write("report.lua: " .. message .. "\n")
  os.exit(83)
end

local function kind_of(id)
  local kind = id:match("^(%a+)%-")
  return LABELS[kind] and kind
end

local function number(id)
  local kind = kind_of(id)
  if not kind then return end
  if numbers[id] then fail("the identifier " .. id .. " is used twice") end
  counts[kind] = counts[kind] + 1
  numbers[id] = counts[kind]
end

local function label(id)
  return LABELS[kind_of(id)] .. "\u{a0}" .. numbers[id]
end

local function equation_id(math)
  return math.text:match("\\label{(eq%-[%w-]+)}")
end

local function typst_string(text)
  return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("%s+", " ") .. '"'
end

local function raw(text)
  return pandoc.RawBlock(is_typst and "typst" or "html", text)
end

-- The caption of a block (its last paragraph), opened by its label.
local function caption_of(div)
  local caption = pandoc.Inlines({})
  for _, block in ipairs(div.content) do
    if block.t == "Para" or block.t == "Plain" then caption = block.content end
  end
  if numbers[div.identifier] then
    local head = { pandoc.Strong(label(div.identifier) .. "."), pandoc.Space() }
    caption = pandoc.Inlines({ pandoc.Span(head, { class = "caption-label" }) }) .. caption
  end
  return caption
end

local function raw_html_of(div)
  for _, block in ipairs(div.content) do
    if block.t == "RawBlock" then return block.text end
  end
  fail("the block " .. div.identifier .. " holds no HTML")
end

local function figure(div)
  local attributes = div.attributes
  local caption = caption_of(div)
  if is_typst then
    local inches = tonumber((attributes.width or "7.2in"):match("[%d.]+"))
    local width = math.floor(math.min(1, inches / 7.2) * PDF_WIDTH + 0.5) .. "%"
    local open = string.format("#figure(kind: image, placement: %s, image(%s, alt: %s, width: %s)",
      attributes.placement or "none", typst_string(attributes.src), typst_string(attributes.alt), width)
    if #caption == 0 then return raw(open .. ")") end
    local close = "])" .. (div.identifier ~= "" and "<" .. div.identifier .. ">" or "")
    return { raw(open .. ", caption: ["), pandoc.Plain(caption), raw(close) }
  end
  local image = pandoc.Image({ pandoc.Str(attributes.alt) }, attributes.src, "",
    { width = attributes.width })
  return pandoc.Figure({ pandoc.Plain({ image }) }, { pandoc.Plain(caption) }, { id = div.identifier })
end

-- Cells in which Typst would see the mark of a list, a heading or a term ("1. Accent") are text.
local function cell_text(plain)
  local first = plain.content[1]
  if first and first.t == "Str" and (first.text:match("^%d+%.$") or first.text:match("^[-+=/]+$")) then
    plain.content:insert(1, pandoc.RawInline("typst", "\\"))
  end
  return plain
end

local function table_block(div)
  local html, caption, id = raw_html_of(div), caption_of(div), div.identifier
  if is_typst then
    local found
    pandoc.read(html, "html"):walk({ Table = function(t) found = found or t end })
    found = found:walk({ Plain = cell_text, Para = cell_text })
    found.identifier = id
    if #caption > 0 then found.caption = { long = { pandoc.Plain(caption) } } end
    return found
  end
  local name = id ~= "" and string.format(' aria-labelledby="%s-caption"', id) or ""
  local scroll = '<div class="scroll">' .. html:gsub("<table[^>]*>", "<table" .. name .. ">", 1)
  local close = raw(scroll .. "</div></figure>")
  if #caption == 0 then return { raw('<figure class="table">'), close } end
  local open = string.format('<figure class="table" id="%s"><figcaption id="%s-caption">', id, id)
  return { raw(open), pandoc.Plain(caption), raw("</figcaption>"), close }
end

local function players(div)
  local caption = caption_of(div)
  if is_typst then
    return { raw("#players-note["), pandoc.Plain(caption), raw("]") }
  elseif #div.content == 1 then
    return pandoc.Div({ pandoc.Para(caption) }, { class = "players-note" })
  end
  return { raw('<figure class="audio"><figcaption>'), pandoc.Plain(caption),
    raw("</figcaption>" .. raw_html_of(div) .. "</figure>") }
end

local function code(div)
  if is_typst then return {} end
  return { raw('<details class="code"><summary>Code</summary>'), div.content[1], raw("</details>") }
end

local LAYOUT = { figure = figure, table = table_block, players = players, code = code }

local collect = {
  traverse = "topdown",
  Div = function(div) number(div.identifier) end,
  Math = function(math)
    local id = equation_id(math)
    if id then number(id) end
  end,
}

local function cross_reference(cite)
  local links = pandoc.Inlines({})
  for i, citation in ipairs(cite.citations) do
    local id = citation.id
    if not kind_of(id) then return nil end
    if i > 1 then links:insert(pandoc.Str(", ")) end
    if numbers[id] then
      links:insert(pandoc.Link(label(id), "#" .. id, "", { class = "cross-reference" }))
    elseif lenient then
      links:insert(pandoc.Str("(" .. id .. ")"))
    else
      fail("there is no figure, table or equation @" .. id)
    end
  end
  return links
end

local function equation(math)
  local id = equation_id(math)
  math.text = math.text:gsub("%s*\\label{[^}]*}", "")
  if math.text:match("\\tag") then fail("use \\label{eq-...} in place of \\tag: " .. math.text) end
  if is_typst then
    local body = pandoc.write(pandoc.Pandoc({ pandoc.Para(math) }), "typst")
    body = body:gsub("%s+$", ""):gsub("#h%(%-1em%)", "#h(-0.1667em)")
    local block = math.mathtype == "DisplayMath"
    local numbering = id and string.format(", numbering: _ => [(%d)]", numbers[id]) or ""
    return pandoc.RawInline("typst", string.format("#math.equation(block: %s, alt: %s%s, %s)%s",
      tostring(block), typst_string(math.text), numbering, body, id and "<" .. id .. ">" or ""))
  elseif id then
    local tag = pandoc.Span("(" .. numbers[id] .. ")", { class = "equation-number" })
    return pandoc.Span({ math, tag }, { id = id, class = "equation" })
  end
  return math
end

local function text(str)
  local note = str.text:match("%[%^n%d+%-([%w-]+)%]") -- pandoc passes a note without text through
  if note then fail("there is no footnote [^" .. note .. "]") end
  -- A hyphen before a number is meant as a minus.
  return pandoc.Str((str.text:gsub("^([%(%[]?)%-(%d)", "%1\u{2212}%2")))
end

-- A number and its unit stay on one line.
local UNITS = {}
for _, unit in ipairs({ "%", "dB", "Hz", "kHz", "s", "ms", "min", "MB", "GB" }) do UNITS[unit] = true end

local function numbers_with_units(inlines)
  for i = 2, #inlines - 1 do
    local before, after = inlines[i - 1], inlines[i + 1]
    if inlines[i].t == "Space" and before.t == "Str" and after.t == "Str"
      and before.text:match("%d$") and UNITS[after.text:match("^[%a%%]+") or ""] then
      inlines[i] = pandoc.Str("\u{a0}")
    end
  end
  return inlines
end

local lay_out = {
  Str = text,
  Inlines = numbers_with_units,
  Cite = cross_reference,
  Math = equation,
  Div = function(div)
    for class, function_ in pairs(LAYOUT) do
      if div.classes:includes(class) then return function_(div) end
    end
  end,
}

-- On paper a figure floats, so that text fills the page on which it finds no room; but not to above
-- the title of its chapter, nor away from its place where hardly any text follows in the chapter.
local HALF_PAGE = 1800 -- characters

local function placed(doc)
  local function opens(block) return block.t == "Header" and block.level == 1 end
  local before, after, text = {}, 0, 0
  for i, block in ipairs(doc.blocks) do
    if opens(block) then text = 0 end
    before[i] = text
    text = text + #pandoc.utils.stringify(block)
  end
  for i = #doc.blocks, 1, -1 do
    local block = doc.blocks[i]
    if block.t == "Div" and block.classes:includes("figure") and after > HALF_PAGE then
      block.attributes.placement = before[i] < HALF_PAGE and "bottom" or "auto"
    end
    after = opens(block) and 0 or after + #pandoc.utils.stringify(block)
  end
  return doc
end

return {
  { Meta = function(meta) lenient = meta.lenient ~= nil end },
  is_typst and { Pandoc = placed } or {},
  collect,
  lay_out,
}
