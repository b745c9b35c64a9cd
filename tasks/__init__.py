"""One folder, one task. To add a task:

1. make a folder here (or in an installed package of yours that declares it, `[project.entry-points."unified.tasks"]`,
   `pose = "my_package.pose"`: the task `my_package.pose`);
2. in its `__init__.py` write a class `X(unified.task.Task)` and

       Options                       a pydantic model of what a config may say about the task, with extra="forbid"
       task(levels, taxonomy, **options) -> Task
       WEAK_VIEWS = True             only if strong augmentation, such as a mosaic, would make its labels wrong
       READS_OBJECTS = False         only if it reads neither objects nor tags, so that any classes will do

3. split head, loss, decode and metric into files of their own once they pass a screen;
4. run `pytest tests/test_contract.py`: it finds a folder here and checks the whole contract.

No other file needs an edit. A task imports the engine and its own siblings (relatively), never another task.
"""
