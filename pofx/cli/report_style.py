"""How a report looks."""

CSS = """
:root { color-scheme: light dark; --back: #fbfaf8; --card: #fff; --ink: #22252a; --soft: #6a7079; --line: #e3e0da;
  --bar: #9db4c8; --odd: #c8452f; --heat: 200 69 47; }
@media (prefers-color-scheme: dark) { :root { --back: #17191c; --card: #1f2226; --ink: #e6e4df; --soft: #979ca4;
  --line: #33373d; --bar: #54687a; --odd: #ef7a62; --heat: 239 122 98; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 2.5rem 1.25rem 1rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
h3 { font-size: .95rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 75ch; }
header p, footer, figcaption, .own, th { color: var(--soft); }
section { margin: 2rem 0; }
.figures { display: flex; flex-wrap: wrap; gap: .9rem; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1.2rem;
  flex: 1 1 8rem; }
.figures b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: .85rem; }
svg { width: 100%; height: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
svg text { fill: var(--soft); font-size: 12px; }
.bar { fill: var(--bar); } .odd { fill: var(--odd); } b.odd { color: var(--odd); }
.axis { stroke: var(--soft); } .level { stroke: var(--ink); stroke-dasharray: 5 5; opacity: .7; }
.threshold { stroke: var(--odd); stroke-width: 2; }
.items { display: grid; gap: .9rem; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); }
.items.row { grid-template-columns: repeat(auto-fill, minmax(25rem, 1fr)); }
.items.audio, .items.text { grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1rem;
  font-size: .85rem; min-width: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; }
figure { margin: 0; } figcaption { font-size: .75rem; }
img { width: 100%; image-rendering: pixelated; border-radius: 4px; display: block; background: #000;
  border: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; }
th, td { padding: .15rem .5rem .15rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
td.bar { padding-left: .3rem;
  background: linear-gradient(90deg, rgb(var(--heat) / .35) var(--s), transparent var(--s)); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 .4rem; font-size: 1.05rem; }
pre span { background: rgb(var(--heat) / calc(var(--s) * .8)); border-radius: 2px; }
footer { max-width: 1060px; margin: 0 auto; padding: 1rem 1.25rem 2rem; font-size: .8rem; }
"""
