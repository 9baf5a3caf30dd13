"""Documents of a project by kind (项目附件); each row refers to one uploaded file."""
