//! How a report looks: on a screen, in the dark, on paper. In: nothing. Out: CSS, and the few lines of script that sort
//! a table whose head is clicked. Absent: anything from the network; fonts are the reader's own.

pub const CSS: &str = "
:root{--ink:#152238;--soft:#5b6b83;--line:#e3e8f0;--paper:#fff;--back:#f5f7fb;--blue:#2563eb;--blue2:#dbe7ff;
--good:#0f8a5f;--bad:#c93a4b;--goodb:#e4f5ee;--badb:#fdecee;--warn:#9a6300;--warnb:#fff6e0}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf6;--soft:#94a3b8;--line:#2a3650;--paper:#151d2f;--back:#0d1424;
--blue:#6ea0ff;--blue2:#1d2d52;--good:#3ecf97;--bad:#ff7684;--goodb:#123328;--badb:#3a1a22;--warn:#f0b94a;--warnb:#33280f}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:14px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:1160px;margin:0 auto;padding:28px 20px 60px}
header.top{display:flex;justify-content:space-between;align-items:flex-end;gap:24px;flex-wrap:wrap;margin-bottom:18px}
.brand{font-size:12px;font-weight:700;letter-spacing:.16em;text-transform:uppercase;color:var(--blue)}
h1{font-size:26px;line-height:1.2;margin:4px 0 2px;letter-spacing:-.01em}
.sub{color:var(--soft)}
.facts{color:var(--soft);font-size:12.5px;text-align:right}
.facts b{color:var(--ink);font-weight:600}
h2{font-size:16px;margin:0 0 12px;letter-spacing:-.005em}
h3{font-size:13px;margin:18px 0 6px;color:var(--soft);font-weight:600}
section{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:18px 20px;margin:14px 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:12px;margin:14px 0}
.card{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:12px 16px}
.card .k{color:var(--soft);font-size:12px}
.card .v{font-size:21px;font-weight:650;letter-spacing:-.02em;white-space:nowrap}
.card .s{color:var(--soft);font-size:12px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:14px}
.two section{margin:0;min-width:0}
@media(max-width:820px){.two{grid-template-columns:1fr}.facts{text-align:left}}
.good{color:var(--good)}.bad{color:var(--bad)}
ul.warnings{list-style:none;margin:14px 0;padding:0;display:grid;gap:8px}
ul.warnings li{border-radius:10px;padding:9px 14px 9px 14px;border-left:4px solid}
ul.warnings li.severe{background:var(--badb);border-color:var(--bad)}
ul.warnings li.caution{background:var(--warnb);border-color:var(--warn)}
ul.warnings b{font-weight:650;margin-right:8px}
ul.warnings .severe b{color:var(--bad)}ul.warnings .caution b{color:var(--warn)}
svg{width:100%;height:auto;display:block;overflow:visible}
svg .grid{stroke:var(--line);stroke-width:1}
svg .axis{fill:var(--soft);font-size:11px}
svg .name{font-size:11.5px}
svg .equity{fill:none;stroke:var(--blue);stroke-width:1.6;stroke-linejoin:round}
svg .under{fill:var(--blue2);opacity:.65}
svg .base{stroke:var(--soft);stroke-dasharray:4 4;stroke-width:1}
svg .fall{fill:var(--badb);opacity:.6}
svg .water{fill:var(--bad);opacity:.28}svg .waterline{fill:none;stroke:var(--bad);stroke-width:1.1}
svg .close{fill:none;stroke:var(--soft);stroke-width:1.1}
svg .wick{stroke:var(--soft);stroke-width:1}
svg .up{fill:var(--good)}svg .down{fill:var(--bad)}
svg .long{fill:var(--good)}svg .short{fill:var(--bad)}
svg .leave{fill:var(--paper);stroke:var(--ink);stroke-width:1.3}
svg .won{stroke:var(--good)}svg .lost{stroke:var(--bad)}
svg .way{stroke-width:1.2;stroke-dasharray:3 2;opacity:.8}
svg .band1{fill:var(--blue);opacity:.13}svg .band2{fill:var(--blue);opacity:.2}
svg .middle{fill:none;stroke:var(--blue);stroke-width:1.4}
svg .actual{fill:none;stroke:var(--ink);stroke-width:1.4}
.legend{color:var(--soft);font-size:12px;margin-top:6px}
table{border-collapse:collapse;width:100%;font-size:13px}
th{font-weight:600;color:var(--soft);text-align:right;padding:5px 7px;border-bottom:1px solid var(--line);white-space:nowrap;font-size:12px}
td{text-align:right;padding:4px 7px;border-bottom:1px solid var(--line);white-space:nowrap}
th.l,td.l{text-align:left}
tr:last-child td{border-bottom:0}
.figures{columns:3 320px;column-gap:36px}.figures h3{break-after:avoid}.figures div:first-child h3{margin-top:0}.figures tr{break-inside:avoid}
.figures td{white-space:normal;vertical-align:top}.figures td:last-child{white-space:nowrap;font-weight:600}
.figures small{display:block;color:var(--soft);font-size:11.5px;line-height:1.35}
.heat td{text-align:center;border:2px solid var(--paper);border-radius:6px}
.heat th{text-align:center}
.scroll{overflow:auto;max-height:560px}.scroll table{font-size:12px}.scroll td,.scroll th{padding:3px 5px}.scroll th{position:sticky;top:0;background:var(--paper);cursor:pointer}
.wide{overflow-x:auto}.wide table.groups{table-layout:fixed;min-width:1060px}
.groups th:nth-child(1){width:11%;white-space:normal}
.groups th:nth-child(2),.groups th:nth-child(3){width:6%}
.groups th:nth-child(4),.groups th:nth-child(5){width:10%}
.groups th:nth-child(6){width:8.5%}
.groups th:nth-child(7){width:8%}
.groups th:nth-child(8){width:5.5%}
.groups th:nth-child(9){width:7.5%}
.groups th:nth-child(10){width:9.5%}
.groups th:nth-child(11){width:4.5%}
.groups th:nth-child(12){width:6.5%}
.groups th:nth-child(13){width:7%}
.wide+.wide{margin-top:18px}
ol.assumptions{margin:0;padding-left:20px;color:var(--soft)}ol.assumptions li{margin:3px 0}
footer{color:var(--soft);font-size:12px;margin-top:20px}
@media(max-width:640px){main{padding:20px 10px 40px}section{padding:14px 12px}.chart{overflow-x:auto}.chart svg{min-width:620px}
.two .chart svg{min-width:420px}.heat .none{display:none}}
@media print{.chart svg{min-width:0}body{background:#fff}main{max-width:none;padding:0}section,.card{break-inside:avoid}.scroll{max-height:none}}
";

/// Sorts a table by the column whose head is clicked: numbers as numbers, and the other way at the second click.
pub const SCRIPT: &str = "
document.querySelectorAll('.scroll th').forEach(function(head){head.addEventListener('click',function(){
var body=head.closest('table').tBodies[0],n=head.cellIndex,down=head.dataset.down!=='1';head.dataset.down=down?'1':'';
var key=function(row){var t=row.cells[n].dataset.v||row.cells[n].textContent,v=Number(t);return v===v?v:t};
Array.from(body.rows).sort(function(a,b){var x=key(a),y=key(b);return(x>y?1:x<y?-1:0)*(down?1:-1)})
.forEach(function(row){body.appendChild(row)})})});
";
