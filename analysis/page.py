"""The HTML around the sections of a report: no script, nothing loaded from elsewhere."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The implicit atlas</title><style>
:root {{ color-scheme: light; --ink: #1a1a1a; --soft: #5c5c5c; --line: #dedede; --accent: #0072B2; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; color: var(--ink); background: #fff; font: 16px/1.55 system-ui, sans-serif; }}
header, main, footer {{ max-width: 1080px; margin: 0 auto; padding: 0 24px; }}
header {{ padding-top: 40px; border-bottom: 1px solid var(--line); }}
h1 {{ margin: 0; font-size: 30px; letter-spacing: -0.01em; }}
header p {{ margin: 4px 0 14px; color: var(--soft); }}
nav {{ display: flex; flex-wrap: wrap; gap: 4px 20px; padding-bottom: 14px; font-size: 15px; }}
a {{ color: var(--accent); text-decoration: none; }}
a:hover {{ text-decoration: underline; }}
section {{ padding: 28px 0 12px; border-bottom: 1px solid var(--line); }}
h2 {{ margin: 0; font-size: 22px; }}
.subject {{ margin: 2px 0 18px; color: var(--soft); overflow-wrap: anywhere; }}
figure {{ margin: 0 0 30px; }}
figure img {{ display: block; max-width: 100%; height: auto; margin: 0 auto; }}
figcaption {{ max-width: 860px; margin: 10px auto 0; font-size: 14.5px; color: #333; }}
details {{ margin: 0 0 18px; }}
summary {{ cursor: pointer; font-weight: 600; font-size: 15px; }}
.scroll {{ overflow-x: auto; margin-top: 8px; }}
table {{ border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 4px 12px 4px 0; text-align: left; border-bottom: 1px solid #eee; white-space: nowrap; }}
th {{ color: var(--soft); font-weight: 600; }}
.number, th.number {{ text-align: right; }}
.note {{ margin: 0 0 12px; padding: 8px 12px; background: #f6f4ee; border-left: 3px solid #E69F00; font-size: 14.5px; }}
footer {{ padding: 16px 24px 40px; color: var(--soft); font-size: 13.5px; }}
</style></head><body>
<header><h1>The implicit atlas</h1><p>What the implicit codes of a multi-task network learnt, and whether they matter
(y<sub>t</sub> = d<sub>t</sub>( f(x) ⋆ g(z<sub>t</sub>) ), <a href="https://arxiv.org/abs/2105.04206">arXiv
2105.04206</a>)</p><nav>{links}</nav></header>
<main>{body}</main>
<footer>unified {version}</footer>
</body></html>
"""
