"""Studies in which people rate explanations on a few levels: what they say, how models compare, how far readers agree."""

from pellucid.readers.agreeing import Agreement as Agreement
from pellucid.readers.agreeing import between_readers as between_readers
from pellucid.readers.agreeing import weighted_kappa as weighted_kappa
from pellucid.readers.agreeing import within_readers as within_readers
from pellucid.readers.comparing import Comparison as Comparison
from pellucid.readers.comparing import against as against
from pellucid.readers.comparing import compared as compared
from pellucid.readers.comparing import friedman as friedman
from pellucid.readers.intraclass import Intraclass as Intraclass
from pellucid.readers.intraclass import icc as icc
from pellucid.readers.intraclass import icc_of as icc_of
from pellucid.readers.levels import Levels as Levels
from pellucid.readers.levels import Summary as Summary
from pellucid.readers.levels import summaries as summaries
from pellucid.readers.mixed import Mixed as Mixed
from pellucid.readers.mixed import mixed_effects as mixed_effects
from pellucid.readers.ratings import Rating as Rating
from pellucid.readers.ratings import asked as asked
from pellucid.readers.reading import read_ratings as read_ratings
