"""Go's text/template, as far as people write it in queries: parse once, render with functions."""

from davy.api.gotemplate.errors import TemplateError as TemplateError
from davy.api.gotemplate.parser import parse as parse
from davy.api.gotemplate.render import Template as Template
