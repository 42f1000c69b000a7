"""Who answers: personas, their published versions, and the tools and voices that they use."""
