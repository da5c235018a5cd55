"""What the classroom's settings mean for the browser, the network, updates and the teacher's view.

Each hook of ``netspring-classroom apply`` calls one module of these.
"""
