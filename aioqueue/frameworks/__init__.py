"""At home in a web application: one module for each framework, which is imported only there."""
