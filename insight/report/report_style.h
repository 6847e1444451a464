// How the report looks. The tokens are those of the page (web/src/style.css); paper is always
// light.

#pragma once

#include <string_view>

namespace insight {

inline constexpr std::string_view report_style = R"css(
:root {
  color-scheme: light dark;
  --paper: #f6f5f1; --card: #fffefb; --ink: #1c2124; --soft: #566065; --faint: #687176; --line: #e3e1da;
  --use: #0b6e75; --make: #9a5b00; --warn: #b3261e; --track: #ebe9e2;
  --s1: 4px; --s2: 8px; --s3: 12px; --s4: 16px; --s5: 24px; --s6: 40px;
  --small: .8125rem; --text: 1rem; --lead: 1.25rem; --big: clamp(2.75rem, 7vw, 4.25rem); --radius: 14px;
}
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #14181a; --card: #1b2023; --ink: #eceeed; --soft: #a4adb1; --faint: #8d979c; --line: #2a3135;
          --use: #4fc0c4; --make: #f0b455; --warn: #ff8a80; --track: #262d31; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: var(--text)/1.45 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%; }
h1, h2, h3, p, ul, ol, table, dl, dd { margin: 0; padding: 0; }
.top { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 var(--s4); padding: var(--s4) var(--s5); max-width: 1180px; margin: 0 auto; color: var(--soft); overflow-wrap: anywhere; }
.top b { letter-spacing: .02em; font-size: var(--lead); font-weight: 650; color: var(--ink); }
.top span:last-child { margin-left: auto; color: var(--faint); font-size: var(--small); }
main { max-width: 1180px; margin: 0 auto; padding: 0 var(--s5) var(--s5); display: grid; gap: var(--s5); grid-template-columns: 1.55fr 1fr; }
.hero, .wide { grid-column: 1 / -1; }
.hero { padding: var(--s4) 0 0; }
.hero h1 { font-size: var(--lead); font-weight: 500; color: var(--soft); }
.hero h1 strong { display: block; color: var(--ink); font-size: var(--big); line-height: 1.05; font-weight: 640; letter-spacing: -.02em; }
.hero h1 small { font-size: clamp(1.1rem, .45em, 2rem); font-weight: 500; color: var(--soft); letter-spacing: 0; line-height: 1.3; display: inline-block; }
.hero p { margin: var(--s3) 0 0; color: var(--soft); max-width: 46em; }
.stack { display: flex; flex-direction: column; gap: var(--s5); min-width: 0; }
.stack > :last-child { flex: 1; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); padding: var(--s4); min-width: 0; overflow-wrap: break-word; }
.card h2 { margin: 0 0 var(--s3); font-size: var(--text); font-weight: 600; display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 var(--s3); align-items: baseline; }
.card h2 span { font-weight: 400; color: var(--faint); font-size: var(--small); }
.card h3 { font-size: var(--text); font-weight: 600; }
.card p + p, .card ul + p, .card table + p, .card p + table, .card p + ul, .card .scroll + p, .card p + .scroll { margin-top: var(--s2); }
.card > p.figure { font-size: 2rem; font-weight: 620; line-height: 1.1; letter-spacing: -.01em; }
ul { list-style: none; }
li { padding: var(--s2) 0; border-top: 1px solid var(--line); }
li:first-child { border-top: 0; padding-top: 0; }
.note { border-left: 3px solid var(--make); padding: 0 0 0 var(--s3); margin: 0 0 var(--s3); }
.note.urgent { border-color: var(--warn); }
.note b { color: var(--warn); }
.soft, small { color: var(--soft); font-size: var(--small); font-weight: 400; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: var(--s2) 0 var(--s2) var(--s3); text-align: right; vertical-align: top; font-weight: 400; white-space: nowrap; border-top: 1px solid var(--line); }
th:first-child { padding-left: 0; text-align: left; white-space: normal; width: 99%; overflow-wrap: anywhere; }
td { font-weight: 560; }
td small, th small { display: block; }
thead th { color: var(--faint); font-size: var(--small); padding-top: 0; border: 0; }
thead + tbody tr:first-child > *, table > tbody:first-child tr:first-child > * { border-top: 0; }
tfoot th, tfoot td { font-weight: 640; border-top: 2px solid var(--ink); }
.scroll { overflow-x: auto; }
.candidates th:first-child { min-width: 9.5em; }
.candidates td small { white-space: normal; min-width: 6.5em; }
svg { display: block; }
.bar { margin: var(--s1) 0 2px; }
.track { fill: var(--track); }
.full { fill: var(--use); }
.striped { fill: url(#stripes); stroke: var(--use); }
.dotted { fill: url(#dots); stroke: var(--faint); }
.gap { fill: url(#gap); }
.dot { fill: var(--faint); }
.chart { overflow: visible; width: calc(100% - 58px); }
.chart line { stroke: var(--faint); }
.chart line.grid { stroke: var(--line); }
.chart text { font-size: 12px; fill: var(--soft); }
.chart .peak { fill: var(--ink); font-weight: 600; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.legend { display: flex; flex-wrap: wrap; gap: 0 var(--s4); margin: 0 0 var(--s2); color: var(--soft); font-size: var(--small); }
.legend svg { display: inline-block; width: 22px; vertical-align: -1px; margin: 0 6px 0 0; }
details { margin-top: var(--s2); color: var(--soft); font-size: var(--small); }
summary { cursor: pointer; padding: var(--s3) 0; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.pieces { display: grid; gap: var(--s4) var(--s5); grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.pieces > * { min-width: 0; }
footer { max-width: 1180px; margin: 0 auto; padding: 0 var(--s5) var(--s6); color: var(--soft); font-size: var(--small); }
footer p + p { margin-top: var(--s1); }
@media (max-width: 760px) {
  .top { padding: var(--s3) var(--s4); }
  main { grid-template-columns: minmax(0, 1fr); padding: 0 var(--s4) var(--s4); gap: var(--s4); }
  .stack { gap: var(--s4); }
  footer { padding: 0 var(--s4) var(--s6); }
}
@page { margin: 14mm 13mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9pt sans-serif; color: #566065; } }
@media print {
  :root { --paper: #fff; --card: #fff; --line: #cfccc3; --track: #eceae4; --big: 34pt; --s5: 16px; }
  body { font-size: 10.5pt; }
  .top, footer { padding-left: 0; padding-right: 0; }
  main { display: block; padding: 0; }
  .hero { padding: 0; }
  .card { border: 0; border-top: 1px solid var(--ink); border-radius: 0; padding: 10px 0 0; margin: 18px 0 0; }
  .card, tr, li, .piece { break-inside: avoid; }
  .card.long { break-inside: auto; }
  h2, h3, thead { break-after: avoid; }
  .stack { display: block; }
  .pieces { display: block; } .piece + .piece { margin-top: 14px; }
  details { display: none; }
  .scroll { overflow: visible; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
)css";

}  // namespace insight
