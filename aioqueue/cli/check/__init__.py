"""`aioqueue check`: is a worker running? Each way of looking has a module; `command` is what click knows.

The modules that `probes` needs import the standard library only.
"""
