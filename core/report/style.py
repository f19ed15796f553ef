"""The page's style sheet: light, dark and paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f7f8fa; --card: #ffffff; --ink: #1b2130; --muted: #566072; --line: #dfe3ea; --grid: #e9ecf1;
  --accent: #3557d6; --second: #a8480a; --good: #14703c; --good-back: #e7f5ec; --poor: #a3231b;
  --poor-back: #fdeceb; --code: #f0f2f6; --on-accent: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151c; --card: #1a1f29; --ink: #e8ebf1; --muted: #a3adbf; --line: #323a49; --grid: #29303d;
    --accent: #8fa8ff; --second: #f2a567; --good: #6fd49a; --good-back: #14291d; --poor: #ff9d93;
    --poor-back: #331a19; --code: #222835; --on-accent: #10141d;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 5rem; max-width: 74rem; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
h1 { margin: 0 0 .3rem; font-size: clamp(1.8rem, 4vw, 2.6rem); line-height: 1.15; letter-spacing: -.02em; }
h2 { margin: 0 0 1rem; font-size: 1.4rem; letter-spacing: -.01em; }
h3 { margin: 1.8rem 0 .7rem; font-size: 1.08rem; }
p { margin: 0 0 .8rem; }
.kicker { margin: 0 0 .4rem; color: var(--accent); font-size: .85rem; font-weight: 600; }
.lead { max-width: 60rem; color: var(--muted); }
.note { max-width: 60rem; color: var(--muted); font-size: .9rem; }
main > section { margin-top: 3rem; scroll-margin-top: 3.5rem; }
nav {
  position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin-top: 1.5rem;
  padding: .7rem 0; background: var(--page); border-bottom: 1px solid var(--line); font-size: .92rem;
}
a { color: var(--accent); text-underline-offset: .2em; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.headline { margin: 1.3rem 0 0; padding: 0; list-style: none; display: grid; gap: .6rem; }
.headline li { display: flex; gap: .8rem; padding: .8rem 1rem; border-radius: .6rem; background: var(--card);
  border: 1px solid var(--line); border-left: 5px solid var(--muted); }
.headline li.good, .verdict.good { background: var(--good-back); border-left-color: var(--good); }
.headline li.poor, .verdict.poor { background: var(--poor-back); border-left-color: var(--poor); }
.icon { font-weight: 700; }
.good .icon { color: var(--good); }
.poor .icon { color: var(--poor); }
.verdict { padding: .8rem 1rem; border-radius: .6rem; background: var(--card); border: 1px solid var(--line);
  border-left: 5px solid var(--muted); font-weight: 600; }
.scroll { overflow-x: auto; margin: 0 0 1.2rem; }
table { border-collapse: collapse; font-size: .92rem; }
.scroll > table:not(.pictures) { min-width: min(100%, 34rem); background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; border-collapse: separate; border-spacing: 0; }
caption { padding: .3rem 0; color: var(--muted); font-size: .88rem; text-align: left; }
th, td { padding: .45rem .9rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: normal; }
td:not(:last-child) { white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
th { font-weight: 600; }
thead th { color: var(--muted); font-size: .85rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
.card { margin: 0; padding: .9rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; break-inside: avoid; }
.card.wide { margin-top: 1.2rem; }
.beside { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 2.5rem; }
.beside > * { max-width: 100%; }
figcaption { margin-bottom: .5rem; font-size: .92rem; font-weight: 600; }
.chart { display: block; width: 100%; height: auto; }
.charts .chart { max-width: 30rem; }
.chart.heat { max-width: 100%; width: auto; min-width: min(100%, 18rem); }
.chart text { fill: var(--muted); font-size: 12px; font-family: inherit; }
.chart .title, .chart .legend { fill: var(--ink); }
.chart .grid { stroke: var(--grid); }
.chart .axis { fill: none; stroke: var(--muted); }
.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.chart .line.train { stroke: var(--second); stroke-dasharray: 5 3; }
.chart .line.validation { stroke: var(--accent); }
.chart .dot.train { fill: var(--card); stroke: var(--second); stroke-width: 1.4; }
.chart .dot.validation { fill: var(--accent); }
.chart .mark line { stroke: var(--ink); stroke-dasharray: 2 3; }
.chart .mark text { fill: var(--ink); }
.chart .diagonal { stroke: var(--muted); stroke-dasharray: 5 4; }
.chart .group { fill: var(--ink); font-size: 15px; font-weight: 700; paint-order: stroke;
  stroke: var(--card); stroke-width: 3px; }
.chart .bar.train { fill: var(--accent); }
.chart .bar.validation { fill: var(--second); }
.chart .dots { fill: var(--accent); fill-opacity: .35; }
@media (prefers-color-scheme: dark) { .heat image { filter: brightness(1.5); } }
.heat rect { fill: var(--accent); }
.heat rect.border { fill: none; stroke: var(--line); }
.heat g > text.on-dark { fill: var(--on-accent); }
.heat g > text { fill: var(--ink); font-size: 11px; }
.pixels { image-rendering: pixelated; }
.pictures th, .pictures td { padding: .25rem; border: 0; text-align: center; vertical-align: middle;
  font-size: .8rem; }
.pictures tbody th { padding-right: .8rem; max-width: 8rem; text-align: right; font-weight: 500; }
.pictures img { display: block; width: 6rem; height: auto; border-radius: .25rem; }
.pictures span { display: block; font-variant-numeric: tabular-nums; white-space: nowrap; }
ul.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: .6rem 0; padding: 0; list-style: none;
  font-size: .85rem; }
ul.legend li { display: flex; align-items: center; gap: .4rem; }
ul.legend img { border: 1px solid var(--line); border-radius: .2rem; }
.strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.8rem, 1fr)); gap: .7rem;
  margin: 0 0 1rem; padding: 0; list-style: none; font-size: .85rem; line-height: 1.4; }
.strip li { display: flex; flex-direction: column; padding: .5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; break-inside: avoid; }
.strip li.mistake { border: 2px dashed var(--poor); }
.strip img { width: 100%; height: auto; margin-bottom: .35rem; border-radius: .25rem; }
.given { color: var(--muted); }
.right { color: var(--good); font-weight: 600; }
.wrong { color: var(--poor); font-weight: 600; }
.shares { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1rem; }
.share { max-width: 100%; }
.share .scroll { margin-bottom: 0; }
.share .scroll > table { min-width: 0; overflow: hidden; }
.share caption { max-width: 30rem; }
.share td.number { --tint: var(--accent);
  background: color-mix(in srgb, var(--tint) calc(var(--share) * 45%), var(--card)); }
.share td.minus { --tint: var(--second); outline: 1px dashed var(--second); outline-offset: -3px; }
dl { margin: 0 0 1.2rem; font-size: .92rem; }
dl div { display: grid; grid-template-columns: minmax(7rem, 11rem) 1fr; gap: 1rem; padding: .4rem 0;
  border-bottom: 1px solid var(--line); }
dt { color: var(--muted); }
dd { margin: 0; }
details { margin: 0 0 1rem; }
summary { padding: .3rem 0; color: var(--accent); cursor: pointer; }
.classes { columns: 12rem auto; margin: .4rem 0; font-size: .9rem; }
pre { margin: 0 0 1.2rem; padding: 1rem; overflow-x: auto; background: var(--code);
  border: 1px solid var(--line); border-radius: .6rem; font-size: .85rem; line-height: 1.5;
  overflow-wrap: normal; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
p code { padding: .1em .35em; background: var(--code); border-radius: .3em; font-size: .9em; }
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --card: #fff; --ink: #111; --muted: #444; --line: #bbb; --grid: #ddd; --accent: #2444b5;
    --second: #8a3a06; --good: #14703c; --good-back: #fff; --poor: #a3231b; --poor-back: #fff; --code: #fff;
    --on-accent: #fff;
  }
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  nav { display: none; }
  main > section { margin-top: 1.6rem; }
  h2, h3, figcaption, caption { break-after: avoid; }
  .strip { grid-template-columns: repeat(8, 1fr); gap: .3rem; }
  pre { white-space: pre-wrap; }
  .scroll { overflow: visible; }
  .pictures { break-inside: avoid; }
  .pictures img { width: 4rem; }
  .chart, .heat rect, .pixels, .share td { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
