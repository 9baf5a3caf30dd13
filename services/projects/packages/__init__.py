"""项目包: package, project and site, with the money of the parts rolled up."""
