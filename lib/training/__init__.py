"""How networks learn: a recipe for each, the loop that trains, what is kept, and what was tried."""
