"""The capstone: a student's own parts become a language model that reads, learns, answers and is served (`autograder build`).

parts.py         which exercises the model is made of, and whose code stands in each place
equivalents.py   what stands there where nothing was written and no reference may be shown
recipe.py        sizes and numbers of steps
corpus.py        the text, and what is made of it: instructions, preferences
model.py         parts → a model; its weights, its text
stages.py        tokenizer → pretraining → instructions → preferences → smaller numbers → server
build.py         runs the stages, keeps what each gave, goes on after Ctrl-C
blame.py         which part makes the model worse
export.py        the model as other programs read it
page.py          the page with curves, samples and figures
"""
