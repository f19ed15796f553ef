"""What the page of a comparison adds to the style of a run's report."""

STYLE = """
.headline li { border-left-style: solid; }
.gains table :is(th, td) { padding-inline: .6rem; white-space: normal; }
.gains td span { white-space: nowrap; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: .8rem;
  margin: 0 0 1.2rem; }
.panel { padding: .6rem .7rem; }
.panel figcaption { margin-bottom: .2rem; font-size: .88rem; }
.chart .band { stroke: none; fill-opacity: .18; }
.chart .band.variant { fill: var(--accent); }
.chart .line.variant { stroke: var(--accent); }
.chart .dot.variant { fill: var(--accent); }
.chart .band.alone { fill: var(--muted); fill-opacity: .14; }
.chart .line.alone { stroke: var(--muted); stroke-dasharray: 5 3; stroke-width: 1.5; }
.chart .dot.alone { fill: var(--card); stroke: var(--muted); stroke-width: 1.2; }
.chart .zero { stroke: var(--ink); stroke-width: 1.2; }
.forests { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr));
  gap: 1rem; }
.forest .chart { max-width: 36rem; }
.gain .whole { stroke: var(--muted); stroke-width: 1.6; }
.gain .point { fill: var(--card); stroke: var(--muted); stroke-width: 2; }
.gain.good .whole { stroke: var(--good); }
.gain.good .point { fill: var(--good); stroke: var(--good); }
.gain.poor .whole { stroke: var(--poor); }
.gain.poor .point { fill: var(--poor); stroke: var(--poor); }
.plane { max-width: 30rem; }
.chart .front { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-dasharray: 6 4; }
.spot line { stroke: var(--muted); stroke-opacity: .7; }
.spot circle { fill: var(--card); stroke: var(--muted); stroke-width: 1.6; }
.spot text { fill: var(--ink); font-size: 11px; font-weight: 600; }
.chart .spot text { fill: var(--ink); font-size: 11px; }
.spot.best circle { fill: var(--accent); stroke: var(--accent); }
.chart .spot.best text { fill: var(--on-accent); }
.spot.alone circle { stroke: var(--second); stroke-width: 2.2; }
.key { columns: 14rem auto; margin: 0; padding: 0; list-style: none; font-size: .9rem; }
.key li { display: flex; gap: .6rem; padding: .15rem 0; break-inside: avoid; }
.key b { display: inline-block; min-width: 1.6rem; text-align: right; }
.legend-line { display: inline-flex; align-items: center; gap: .45rem; margin-right: 1.2rem; }
.legend-line i { display: inline-block; width: 1.8rem; border-top: 2px solid var(--accent); }
.legend-line i.alone { border-top: 2px dashed var(--muted); }
"""
