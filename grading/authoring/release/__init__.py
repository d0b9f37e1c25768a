"""From the instructor's repository to the students': what they get, checked before anybody else sees it."""
