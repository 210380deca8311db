"""What the Jacobian of a model says of one case, gathered for people: a table, a picture, a page, and a record of it all.

`reading` gathers, part by part (`parts`), what `record` writes down as JSON; `tabulating`, `picturing` and `wording` make it
readable, and `page` puts it on one page. Whatever is missing says why.
"""

from pellucid.pbx.page import write_page as write_page
from pellucid.pbx.picturing import write_picture as write_picture
from pellucid.pbx.reading import PbxReading as PbxReading
from pellucid.pbx.reading import read as read
from pellucid.pbx.record import FORMAT as FORMAT
from pellucid.pbx.record import as_json as as_json
from pellucid.pbx.settings import PbxSettings as PbxSettings
